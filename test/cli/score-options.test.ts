import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { parseScoreOptions, SCORE_SPECS, scoreHelp } from '../../src/cli/score-options.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

describe('parseScoreOptions', () => {
  test('defaults', () => {
    expect(parseScoreOptions(['a.jpg', 'photos'])).toEqual({
      paths: ['a.jpg', 'photos'],
      format: 'table',
      full: false,
      jobs: availableParallelism(),
      policy: 'balanced',
      purpose: 'probe',
      preset: 'tuned',
    })
  })

  test('every option', () => {
    const line = '--full --csv --crops out -j 3 --policy strict --purpose enrolment --preset paper --models m a.jpg'
    expect(parseScoreOptions(line.split(' '))).toEqual({
      paths: ['a.jpg'],
      format: 'csv',
      full: true,
      crops: 'out',
      jobs: 3,
      policy: 'strict',
      purpose: 'enrolment',
      preset: 'paper',
      modelsDir: 'm',
    })
  })

  test.each(['0', '-1', '1.5', 'two', '1e2', '', ' 2', '256', '99999', '0x2', 'Infinity'])(
    '--jobs %j is refused',
    (jobs) => {
      expect(() => parseScoreOptions(['a.jpg', '--jobs', jobs])).toThrow(UsageError)
      expect(() => parseScoreOptions(['a.jpg', `--jobs=${jobs}`])).toThrow(/--jobs/)
    },
  )

  test.each([
    [[], /at least one file/],
    [[''], /empty/],
    [['--json', '--csv', 'a.jpg'], /one of --json, --csv/],
    [['--csv', '--ofiq', 'a.jpg'], /one of --csv, --ofiq/],
    [['--preset', 'paper', 'a.jpg'], /add --full/],
    [['photos', '--crops', './photos/'], /another folder/],
  ])('%j is refused', (args, message) => {
    expect(() => parseScoreOptions(args)).toThrow(UsageError)
    expect(() => parseScoreOptions(args)).toThrow(message)
  })

  test('help is asked for even where the rest is wrong, and names every option', () => {
    expect(parseScoreOptions(['--help', '--jobs', '0'])).toBeUndefined()
    for (const name of Object.keys(SCORE_SPECS)) expect(scoreHelp()).toContain(`--${name}`)
  })
})
