/** The test suites that every state store passes, on every engine. */
export type { ContractOptions, ContractPlace } from './contract-support.ts'
export { keyValueStoreContract } from './key-value-contract.ts'
export { windowStoreContract } from './window-contract.ts'
