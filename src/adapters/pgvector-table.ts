import { createHash } from 'node:crypto'
import { DiffiqaError } from '../errors.ts'
import { checkOptions } from '../inference/backend-options.ts'

/** More cannot be put in an HNSW index over the type `vector`. */
const MAX_DIMENSION = 2000

const DEFAULT_TABLE = 'face_templates'

/** `if not exists` fails where another does the same meanwhile: instances that start together wait for one another. */
const MIGRATION_LOCK = 0x0d1ff19a

/** Names of one gallery, quoted for SQL. */
export interface TableNames {
  readonly templates: string
  /** The table with one row that says which network the templates are of. */
  readonly model: string
}

export interface PgvectorMigrationOptions {
  /** Numbers per embedding, 1 to 2000. */
  readonly dimension: number
  /** Lower-case name of up to 48 characters, with or without a schema before it. @default 'face_templates' */
  readonly table?: string
  /** Make an index for this tenant alone; run it once for each tenant. @default one index for the whole table */
  readonly tenant?: string
}

/**
 * SQL that makes the tables of one gallery and its HNSW index. Nothing that exists is changed, so it may run at each start. It needs the
 * right to create the extension `vector` (0.5 or newer), or that it is there already. Several processes may run it at the same time.
 *
 * @returns several statements: `await pool.query(pgvectorMigration({ dimension: 128 }))`, or a file for one's own migration tool.
 * @throws DiffiqaError `invalid-option` naming the field.
 */
export function pgvectorMigration(options: PgvectorMigrationOptions): string {
  checkOptions(options, ['dimension', 'table', 'tenant'], { dimension: 1 })
  const { dimension, table, tenant } = options
  if (!(dimension <= MAX_DIMENSION)) throw invalid('dimension', `must be an integer from 1 to ${MAX_DIMENSION}`)
  const { templates, model } = tableNames(table)
  const only = tenant === undefined ? undefined : requireTenant(tenant)
  return `select pg_advisory_xact_lock(${MIGRATION_LOCK});

create extension if not exists vector;

create table if not exists ${model} (
  only_row boolean primary key default true check (only_row),
  model text unique,
  dimension integer not null
);
insert into ${model} (dimension) values (${dimension}) on conflict do nothing;

create table if not exists ${templates} (
  tenant text not null,
  subject text not null,
  model text not null references ${model} (model),
  embedding vector(${dimension}) not null,
  quality double precision check (quality between 0 and 1),
  enrolled_at timestamptz not null default now(),
  primary key (tenant, subject)
);

create index if not exists ${indexName(table, only)} on ${templates}
  using hnsw (embedding vector_cosine_ops)${only === undefined ? '' : ` where tenant = ${literal(only)}`};
`
}

/**
 * Names that need no escaping are the only ones taken: this text becomes SQL.
 * @throws DiffiqaError `invalid-option`.
 */
export function tableNames(table: unknown = DEFAULT_TABLE): TableNames {
  const parts = split(table)
  const quoted = (suffix: string): string =>
    parts.map((part, index) => `"${part}${index === parts.length - 1 ? suffix : ''}"`).join('.')
  return { templates: quoted(''), model: quoted('_model') }
}

/** @throws DiffiqaError `invalid-option`. */
export function requireTenant(tenant: unknown): string {
  if (typeof tenant !== 'string' || tenant.length > 128 || /[\p{Cc}\p{Cs}]/u.test(tenant))
    throw invalid('tenant', 'must be a string of up to 128 characters, no control characters among them')
  return tenant
}

/** An index lies in the schema of its table, so its name has none. */
function indexName(table: unknown, tenant: string | undefined): string {
  const name = split(table ?? DEFAULT_TABLE).at(-1)
  const part = tenant === undefined ? '' : `_${createHash('sha256').update(tenant).digest('hex').slice(0, 8)}`
  return `"${name}${part}_hnsw"`
}

function split(table: unknown): string[] {
  const parts = typeof table === 'string' ? table.split('.') : []
  const valid = parts.length >= 1 && parts.length <= 2 && parts.every((part) => /^[a-z_][a-z0-9_]{0,47}$/.test(part))
  if (!valid)
    throw invalid('table', 'must be `table` or `schema.table` of lower-case letters, digits and `_`, 48 at most each')
  return parts
}

/** Control characters are out already; E'' makes it independent of `standard_conforming_strings`. */
const literal = (text: string): string => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

function invalid(field: string, problem: string): DiffiqaError {
  return new DiffiqaError('invalid-option', `\`${field}\` ${problem}`, { details: { option: field } })
}
