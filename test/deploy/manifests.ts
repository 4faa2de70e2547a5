import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

export const FOLDER = new URL('../../deploy/kubernetes/', import.meta.url)
export const RESOURCES = ['deployment', 'service', 'hpa', 'pdb', 'podmonitor'] as const

export const textOf = (name: string): string => readFileSync(new URL(name, FOLDER), 'utf8')

/** A manifest of deploy/kubernetes as an object. */
// biome-ignore lint/suspicious/noExplicitAny: manifests of many kinds are looked into
export const manifest = (name: string): any => parse(textOf(`${name}.yaml`))

/** The query of prometheus-adapter's metric, as the adapter fills it in. */
export function adapterRule(): { readonly name: string; readonly query: string; readonly series: string } {
  const [rule] = manifest('prometheus-adapter-values').rules.custom
  const query = String(rule.metricsQuery)
    .replaceAll('<<.GroupBy>>', 'pod')
    .replaceAll('<<.LabelMatchers>>', 'namespace="default",pod=~"express-diffiqa-.+"')
  return { name: rule.name.as, query, series: rule.seriesQuery }
}
