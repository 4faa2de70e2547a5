/** A face of a collection. */
export interface RekognitionFace {
  readonly FaceId?: string | undefined
  readonly ExternalImageId?: string | undefined
}

export interface RekognitionFaceMatch {
  readonly Similarity?: number | undefined
  readonly Face?: RekognitionFace | undefined
}

/** Brightness and sharpness, each 0..100, as Rekognition measures them. */
export interface RekognitionQuality {
  readonly Brightness?: number | undefined
  readonly Sharpness?: number | undefined
}

/** A face in a photo. */
export interface RekognitionFaceDetail {
  /** Certainty that it is a face, 0..100. */
  readonly Confidence?: number | undefined
  readonly BoundingBox?: { readonly Width?: number | undefined; readonly Height?: number | undefined } | undefined
  readonly Quality?: RekognitionQuality | undefined
}

export type RekognitionFilter = 'NONE' | 'AUTO' | 'LOW' | 'MEDIUM' | 'HIGH'

interface Photo {
  Bytes: Uint8Array
}

interface CallOptions {
  abortSignal?: AbortSignal
}

export interface RekognitionComparison {
  readonly SourceImageFace?: { readonly Confidence?: number | undefined } | undefined
  readonly FaceMatches?:
    | readonly { readonly Similarity?: number | undefined; readonly Face?: RekognitionFaceDetail | undefined }[]
    | undefined
  readonly UnmatchedFaces?: readonly RekognitionFaceDetail[] | undefined
}

export interface RekognitionIndexing {
  readonly FaceRecords?:
    | readonly {
        readonly Face?: RekognitionFace | undefined
        readonly FaceDetail?: RekognitionFaceDetail | undefined
      }[]
    | undefined
  readonly UnindexedFaces?: readonly { readonly Reasons?: readonly string[] | undefined }[] | undefined
}

/** What the adapter calls of the aggregated client `Rekognition` of @aws-sdk/client-rekognition. */
export interface RekognitionLike {
  searchFacesByImage(
    input: {
      CollectionId: string
      Image: Photo
      MaxFaces: number
      FaceMatchThreshold: number
      QualityFilter?: RekognitionFilter
    },
    options: CallOptions,
  ): Promise<{
    readonly SearchedFaceConfidence?: number | undefined
    readonly FaceMatches?: readonly RekognitionFaceMatch[] | undefined
  }>
  compareFaces(
    input: { SourceImage: Photo; TargetImage: Photo; SimilarityThreshold: number; QualityFilter?: RekognitionFilter },
    options: CallOptions,
  ): Promise<RekognitionComparison>
  indexFaces(
    input: {
      CollectionId: string
      Image: Photo
      ExternalImageId: string
      MaxFaces: number
      QualityFilter?: RekognitionFilter
    },
    options: CallOptions,
  ): Promise<RekognitionIndexing>
  listFaces(
    input: { CollectionId: string; MaxResults: number; NextToken?: string },
    options: CallOptions,
  ): Promise<{ readonly Faces?: readonly RekognitionFace[] | undefined; readonly NextToken?: string | undefined }>
  deleteFaces(
    input: { CollectionId: string; FaceIds: string[] },
    options: CallOptions,
  ): Promise<{ readonly DeletedFaces?: readonly string[] | undefined }>
}
