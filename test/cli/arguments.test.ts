import { describe, expect, test } from 'vitest'
import { parseArguments } from '../../src/cli/arguments.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

const SPECS = {
  full: { help: 'a switch' },
  crops: { value: 'DIR', help: 'a value' },
  policy: { value: 'NAME', choices: ['lenient', 'strict'], help: 'a choice' },
  help: { short: 'h', help: 'a short one' },
}
const parse = (...args: string[]) => parseArguments(args, SPECS)

describe('parseArguments', () => {
  test('takes switches, values in both spellings, short forms and positionals in any order', () => {
    expect(parse('a.jpg', '--crops', 'out', '--full', 'b.jpg', '--policy=strict', '-h')).toEqual({
      values: { crops: 'out', full: true, policy: 'strict', help: true },
      positionals: ['a.jpg', 'b.jpg'],
      lists: {},
    })
  })

  test('the last of two counts; after -- everything is a name', () => {
    expect(parse('--crops', 'a', '--crops', 'b', '--', '--full', '-x.jpg')).toEqual({
      values: { crops: 'b' },
      positionals: ['--full', '-x.jpg'],
      lists: {},
    })
  })

  test('keeps all values of an option that may be given several times', () => {
    const { lists } = parseArguments(['--model', 'a', '--model=b'], { model: { value: 'FILE', many: true, help: '' } })
    expect(lists).toEqual({ model: ['a', 'b'] })
  })

  test.each([
    [['--ful'], /unknown option --ful; did you mean --full\?/],
    [['--verbose'], /^unknown option --verbose$/],
    [['-z'], /^unknown option -z$/],
    [['--constructor'], /^unknown option --constructor$/],
    [['--__proto__'], /^unknown option --__proto__$/],
    [['--crops'], /option --crops needs a value: --crops DIR/],
    [['--crops', '--full'], /option --crops needs a value/],
    [['--crops='], /option --crops needs a value/],
    [['--full=yes'], /option --full takes no value/],
    [['--policy', 'strikt'], /must be lenient, strict, not strikt; did you mean strict\?/],
    [['--policy', 'hard'], /must be lenient, strict, not hard$/],
  ])('%j is refused', (args, message) => {
    expect(() => parse(...args)).toThrow(UsageError)
    expect(() => parse(...args)).toThrow(message)
  })
})
