export {
  type PgvectorEmbedder,
  type PgvectorMatcher,
  type PgvectorMatcherOptions,
  pgvector,
} from './adapters/pgvector.ts'
export type { GalleryModel, PgLike, PgvectorRow } from './adapters/pgvector-gallery.ts'
export { type PgvectorMigrationOptions, pgvectorMigration } from './adapters/pgvector-table.ts'
