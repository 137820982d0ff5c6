/** The test suites that every state store passes, on every engine. */
export { changeBufferContract } from './contract/change-buffer-contract.ts'
export type { ContractOptions, ContractPlace } from './contract/contract-support.ts'
export { keyValueStoreContract } from './contract/key-value-contract.ts'
export { recordBufferContract } from './contract/record-buffer-contract.ts'
export { sessionStoreContract } from './contract/session-contract.ts'
export { versionedStoreContract } from './contract/versioned-contract.ts'
export { windowStoreContract } from './contract/window-contract.ts'
