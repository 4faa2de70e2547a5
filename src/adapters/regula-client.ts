/** The `code` of Regula's answers and the `status` of one image. */
export interface RegulaStatus {
  readonly code?: number | undefined
}

export interface RegulaMatch extends RegulaStatus {
  readonly results?: readonly { readonly similarity?: number | undefined }[] | undefined
  readonly detections?:
    | readonly { readonly imageIndex?: number | undefined; readonly status?: number | undefined }[]
    | undefined
}

export interface RegulaPerson {
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly externalId?: string | undefined
  readonly images?: readonly { readonly similarity?: number | undefined }[] | undefined
}

/** Regula's own assessment of a photo against the chosen scenario. */
export interface RegulaQuality {
  /** 0..1. */
  readonly score?: number | undefined
  readonly nonCompliant?: readonly string[] | undefined
}

interface CallOptions {
  signal?: AbortSignal
}

interface Page {
  readonly items?: readonly RegulaPerson[] | undefined
  readonly totalPages?: number | undefined
}

type Id = undefined

/** What the adapter calls of `FaceSdk` of @regulaforensics/facesdk-webclient. */
export interface RegulaLike {
  readonly matchingApi: {
    match(body: { images: { index: number; data: string }[] }, id: Id, options: CallOptions): Promise<RegulaMatch>
    detect(body: never, id: Id, options: CallOptions): Promise<unknown>
  }
  readonly searchApi: {
    search(
      body: { image: { content: string }; groupIds: string[]; limit: number; threshold?: number },
      id: Id,
      options: CallOptions,
    ): Promise<RegulaStatus & { readonly persons?: readonly RegulaPerson[] | undefined }>
  }
  readonly personApi: {
    createPerson(
      body: { name: string; externalId: string; groups: string[] },
      id: Id,
      options: CallOptions,
    ): Promise<RegulaPerson>
    addImageToPerson(
      personId: string,
      body: { image: { content: string } },
      id: Id,
      options: CallOptions,
    ): Promise<{ readonly id?: string | undefined }>
    deletePerson(personId: string, id: Id, options: CallOptions): Promise<void>
  }
  readonly groupApi: {
    getAllPersonsByGroupId(page: number, size: number, groupId: string, id: Id, options: CallOptions): Promise<Page>
  }
}
