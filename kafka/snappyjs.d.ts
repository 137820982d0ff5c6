/** The part of snappyjs 0.7 that `compression.ts` uses; the package ships no types. */
declare module 'snappyjs' {
  const snappy: {
    compress(data: Buffer): Buffer
    uncompress(data: Buffer, maxLength?: number): Buffer
  }
  export default snappy
}
