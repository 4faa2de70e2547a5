import { expect, test } from 'vitest'
import { runCli } from './run-cli.ts'

const SLOW = 60_000
const plan = (...args: string[]) => runCli(['plan', ...args])

test(
  'answers with instances, cores, memory and the cost of second looks, the same as JSON',
  async () => {
    const args = ['--rps', '2000', '--p99', '0.5s', '--escalation', '10%', '--fast', '30ms', '--full', '90ms']
    const text = await plan(...args)
    expect([text.code, text.stderr]).toEqual([0, ''])
    for (const word of [
      '2,000 probes a second, 99 of 100 within 500 ms, 10 % looked at twice',
      'instances',
      'cores',
      'GB',
    ])
      expect(text.stdout).toContain(word)
    const json = await plan(...args, '--json')
    const { instances, cores, memoryMb, withoutSecondLooks, usual, worst, goal } = JSON.parse(json.stdout)
    expect(goal).toEqual({ rps: 2000, p99Ms: 500, escalation: 0.1, cores: 2, spare: 1 })
    expect(text.stdout).toMatch(new RegExp(`^ +instances +${instances} with 2 cores`, 'm'))
    expect(text.stdout).toMatch(new RegExp(`^ +cores +${cores}$`, 'm'))
    expect(memoryMb).toBeGreaterThan(100 * instances)
    expect(cores).toBe(2 * instances)
    expect(withoutSecondLooks.instances).toBeLessThan(instances)
    expect(worst.p99Ms).toBeLessThanOrEqual(500)
    expect(usual.rate).toBeLessThan(worst.rate)
  },
  SLOW,
)

test(
  'what cannot be met, and a profile that is none, are typed errors in one line',
  async () => {
    const never = await plan('--rps', '10', '--p99', '1ms')
    expect([never.code, never.stdout]).toEqual([1, ''])
    expect(never.stderr).toMatch(/^express-diffiqa: plan-impossible: .*p99 of \d+ ms\n$/)
    const broken = await plan('--rps', '10', '--p99', '1s', '--profile', 'package.json')
    expect(broken.code).toBe(1)
    expect(broken.stderr).toMatch(/^express-diffiqa: invalid-capacity: .*format.*\n$/)
  },
  SLOW,
)

test.each([
  [['--p99', '150ms'], '--rps N'],
  [['--rps', '10'], '--p99 TIME'],
  [['--rps', '0', '--p99', '1s'], '--rps'],
  [['--rps', '-5', '--p99', '1s'], '--rps'],
  [['--rps', '1e3', '--p99', '1s'], '--rps'],
  [['--rps', '10', '--p99', '150'], 'such as 150ms'],
  [['--rps', '10', '--p99', '2m'], 'such as 150ms'],
  [['--rps', '10', '--p99', '61s'], 'at most 60s'],
  [['--rps', '10', '--p99', '1.2.3s'], 'such as 150ms'],
  [['--rps', '10', '--p99', '1s', '--escalation', '1.1'], '--escalation'],
  [['--rps', '10', '--p99', '1s', '--escalation', '101%'], '--escalation'],
  [['--rps', '10', '--p99', '1s', '--cores', '0'], 'whole number from 1 to 64'],
  [['--rps', '10', '--p99', '1s', '--spare', '0.5'], 'whole number from 0'],
  [['--rps', '10', '--p99', '1s', '--fast', '0ms'], '--fast'],
  [['--rps', '10', '--p99', '1s', 'more'], 'takes no arguments'],
  [['--rsp', '10'], 'did you mean --rps'],
])('wrong use: %j', async (args, message) => {
  const { parsePlanOptions } = await import('../../src/cli/plan-options.ts')
  expect(() => parsePlanOptions(args)).toThrow(message)
})
