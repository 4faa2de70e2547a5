/** A piece of a file with a kind and a length of its own: segment of a JPEG, chunk of a PNG or WebP, box of an AVIF. */
export interface Chunk {
  readonly kind: string
  readonly data: Buffer
  /** What the file says of the length, where it lies. */
  readonly claimed?: number
  /** What follows without a length: the data of a JPEG's scan. */
  readonly tail?: Buffer
}

export interface Container {
  /** Kinds worth inserting. */
  readonly kinds: readonly string[]
  read(file: Buffer): Chunk[]
  /** @param sums Write checksums and the total length as they should be. */
  write(chunks: readonly Chunk[], sums: boolean): Buffer
}
