/** The test suites that every state store passes, on every engine. */
export type { ContractOptions, ContractPlace } from './contract/contract-support.ts'
export { keyValueStoreContract } from './contract/key-value-contract.ts'
export { windowStoreContract } from './contract/window-contract.ts'
