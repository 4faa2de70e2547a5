import type pg from 'pg'

const CHUNK = 1000

/** Enrols `p0`, `p1`, … of one tenant past the adapter, many in one statement; the gallery is bound to the network. */
export async function fillTable(
  pool: pg.Pool,
  tenant: string,
  model: string,
  vectors: readonly (readonly number[])[],
): Promise<void> {
  await pool.query('update face_templates_model set model = $1 where model is null', [model])
  for (let start = 0; start < vectors.length; start += CHUNK) {
    const texts = vectors.slice(start, start + CHUNK).map((vector) => `[${vector.join(',')}]`)
    await pool.query(
      `insert into face_templates (tenant, subject, model, embedding)
       select $1, 'p' || ($2::int + n - 1), $3, text::vector from unnest($4::text[]) with ordinality as given (text, n)`,
      [tenant, start, model, texts],
    )
  }
}
