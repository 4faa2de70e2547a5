import type { MeasureName, Measures } from '../../quality/types.ts'
import { limitOf, MEASURE } from './words.ts'

const entriesOf = (measures: Measures) => Object.entries(measures) as [MeasureName, number][]

/** How many measures are beyond their usual limits. */
export const countBeyond = (measures: Measures): number =>
  entriesOf(measures).filter(([measure, value]) => !limitOf(measure, value).kept).length

/** Component measures beside their usual limits. */
export function MeasureTable({ measures }: { measures: Measures }) {
  const entries = entriesOf(measures)
  return (
    <table class="measures">
      <thead>
        <tr>
          <th scope="col">Measure</th>
          <th scope="col">Value</th>
          <th scope="col">Usual limit</th>
        </tr>
      </thead>
      <tbody>
        {entries.map(([measure, value]) => {
          const [name, show] = MEASURE[measure]
          const { text, kept } = limitOf(measure, value)
          return (
            <tr key={measure} class={kept ? '' : 'is-beyond'}>
              <th scope="row">{name}</th>
              <td>
                {show(value)}
                {!kept && <span class="beyond"> beyond</span>}
              </td>
              <td>{text || '–'}</td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}
