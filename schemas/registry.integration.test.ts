import { registryContract } from './registry-contract.ts'

registryContract('A real registry', () => {
  const url = process.env['BROOK_TEST_REGISTRY']
  if (!url) throw new Error('BROOK_TEST_REGISTRY must name the schema registry to test against')
  return url
})
