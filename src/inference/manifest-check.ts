import { DiffiqaError } from '../errors.ts'

/** Checks one value; throws with the path of the field that is wrong. */
export type Check = (value: unknown, path: string) => void

export const text: Check = (value, path) => {
  if (typeof value !== 'string' || value === '') fail(path, 'a text', value)
}

/** A name without any folder, so that a manifest cannot point outside of its own. */
export const fileName: Check = (value, path) => {
  if (typeof value !== 'string' || !/^[\w][\w.-]*$/.test(value)) fail(path, 'a plain file name', value)
}

export const sha256: Check = (value, path) => {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) fail(path, '64 lower-case hex digits', value)
}

/** Finite and within least..most, both included. */
export function number(least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY): Check {
  return (value, path) => {
    if (typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most) return
    fail(path, `a number${bounds(least, most)}`, value)
  }
}

export function integer(least: number, most = Number.POSITIVE_INFINITY): Check {
  return (value, path) => {
    if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return
    fail(path, `an integer${bounds(least, most)}`, value)
  }
}

export const positive: Check = (value, path) => {
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) fail(path, 'a number above 0', value)
}

export function oneOf(...allowed: readonly (string | number)[]): Check {
  return (value, path) => {
    if (!allowed.includes(value as string | number)) fail(path, `one of ${allowed.join(', ')}`, value)
  }
}

export function list(item: Check, least: number, most: number): Check {
  return (value, path) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) {
      fail(path, `a list of ${least} to ${most} entries`, value)
    }
    for (const [index, entry] of value.entries()) item(entry, `${path}[${index}]`)
  }
}

/** All of `fields`; further fields are for later versions and are let be. */
export function record(fields: Readonly<Record<string, Check>>): Check {
  return (value, path) => {
    const object = asObject(value, path)
    for (const [name, check] of Object.entries(fields)) check(object[name], path === '' ? name : `${path}.${name}`)
  }
}

/** Any names, one kind of value. */
export function map(item: Check): Check {
  return (value, path) => {
    for (const [name, entry] of Object.entries(asObject(value, path))) item(entry, `${path}.${name}`)
  }
}

/** May be left out. */
export function optional(check: Check): Check {
  return (value, path) => {
    if (value !== undefined) check(value, path)
  }
}

/** Every check in turn. */
export function all(...checks: readonly Check[]): Check {
  return (value, path) => {
    for (const check of checks) check(value, path)
  }
}

/** @throws DiffiqaError `model-incompatible` (details.field) */
export function fail(path: string, wanted: string, value: unknown): never {
  const seen = value === undefined ? 'is missing' : `is ${shortly(value)}`
  throw new DiffiqaError('model-incompatible', `manifest.json: ${path || 'the whole'} must be ${wanted}, but ${seen}`, {
    details: { file: 'manifest.json', field: path },
  })
}

function asObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, 'an object', value)
  return value as Record<string, unknown>
}

function shortly(value: unknown): string {
  const json = JSON.stringify(value)
  return json.length > 60 ? `${json.slice(0, 60)}…` : json
}

function bounds(least: number, most: number): string {
  if (least === Number.NEGATIVE_INFINITY && most === Number.POSITIVE_INFINITY) return ''
  return most === Number.POSITIVE_INFINITY ? ` of at least ${least}` : ` in ${least}..${most}`
}
