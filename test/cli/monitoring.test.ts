import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { adviceFrom } from '../../src/cli/advice.ts'
import { filledIn, partsOf } from '../monitoring/promql.ts'
import { runCli } from './run-cli.ts'

const root = mkdtempSync(join(tmpdir(), 'diffiqa-monitoring-'))
afterAll(() => rmSync(root, { recursive: true }))
const read = (folder: string, name: string): string => readFileSync(join(root, folder, name), 'utf8')

const seriesOf = (text: string): string[] => {
  const named = text.startsWith('{')
    ? (JSON.parse(text).panels as { targets?: { expr: string }[] }[]).flatMap(({ targets = [] }) => targets)
    : (parse(text).groups as { rules: { expr: string }[] }[]).flatMap(({ rules }) => rules)
  return named.flatMap(({ expr }) => partsOf(filledIn(expr)).selectors.map(({ name }) => name))
}

describe('dashboards and rules', () => {
  test('without options are the files of the repository', async () => {
    for (const command of ['dashboards', 'rules']) {
      const { code, stdout, stderr } = await runCli([command, '--out', join(root, 'plain')])
      expect([code, stderr]).toEqual([0, ''])
      expect(
        stdout
          .trimEnd()
          .split('\n')
          .every((line) => line.startsWith(join(root, 'plain'))),
      ).toBe(true)
    }
    const files = readdirSync(join(root, 'plain')).toSorted()
    expect(files).toEqual(['express-diffiqa-rollout.json', 'express-diffiqa.json', 'express-diffiqa.rules.yml'])
    expect(read('plain', 'express-diffiqa.rules.yml')).toBe(readFileSync('monitoring/prometheus/rules.yml', 'utf8'))
    expect(read('plain', 'express-diffiqa.json')).toBe(readFileSync('monitoring/grafana/express-diffiqa.json', 'utf8'))
  })

  test('with a prefix and a job of the user name those, and nothing else changes', async () => {
    for (const command of ['dashboards', 'rules'])
      await runCli([command, '--out', join(root, 'door'), '--prefix', 'acme_door_', '--job', 'entrance'])
    for (const name of readdirSync(join(root, 'door'))) {
      const own = seriesOf(read('door', name))
      expect(own.filter((series) => !/^acme_door[_:]/.test(series) && series !== 'up')).toEqual([])
      expect(own.map((series) => series.replace(/^acme_door/, 'diffiqa'))).toEqual(seriesOf(read('plain', name)))
    }
    const rules = read('door', 'express-diffiqa.rules.yml')
    expect(rules).toContain('up{job="entrance"}')
    expect(rules).toContain('method="diffiqa_r"')
    const board = JSON.parse(read('door', 'express-diffiqa.json'))
    expect([board.uid, board.title]).toEqual(['express-diffiqa-acme-door', 'Face quality gate (acme_door)'])
    const job = board.templating.list.find(({ name }: { name: string }) => name === 'job')
    expect(job.current.value).toEqual(['entrance'])
  })

  test.each([
    [['rules'], '--out DIR is needed'],
    [['rules', '--out', 'x', '--prefix', '1x'], 'beginning of a metric name'],
    [['dashboards', '--out', 'x', '--job', 'a"b'], 'name of a job'],
    [['dashboards', '--out', 'x', '--prefx', 'y'], 'did you mean --prefix'],
    [['advise'], '--prometheus URL is needed'],
    [['advise', '--prometheus', 'localhost:9090'], 'an address such as http'],
    [['advise', '--prometheus', 'http://localhost', '--last', 'week'], 'like 12h or 7d'],
    [['advise', '--prometheus', 'http://localhost', '--purpose', 'prob'], 'did you mean probe'],
  ])('%j is wrong use', async (args, problem) => {
    const { code, stderr } = await runCli(args)
    expect(code).toBe(1)
    expect(stderr).toContain(problem)
  })
})

describe('advise', () => {
  test.each([
    ['<html>login</html>', 'no JSON: is it a Prometheus?'],
    ['{"status":"error","error":"too many samples"}', 'too many samples'],
    ['{"status":"success","data":{"resultType":"scalar","result":[]}}', 'something else than a vector'],
  ])('says what is wrong with an answer like %s', async (body, problem) => {
    const paths: (string | undefined)[] = []
    const server = createServer((req, res) => {
      paths.push(req.url, req.headers.authorization)
      res.end(body)
    }).listen(0, '127.0.0.1')
    await new Promise((done) => server.once('listening', done))
    const { port } = server.address() as { port: number }
    const { code, stderr } = await runCli(['advise', '--prometheus', `http://me:s%20cret@127.0.0.1:${port}/below/`])
    server.close()
    expect(code).toBe(1)
    expect(stderr).toContain(problem)
    expect(stderr).not.toContain('cret')
    expect(paths[0]).toMatch(/^\/below\/api\/v1\/query\?query=sum/)
    expect(paths[1]).toBe(`Basic ${Buffer.from('me:s cret').toString('base64')}`)
  })

  test('says when nobody answers', async () => {
    const { code, stderr } = await runCli(['advise', '--prometheus', 'http://127.0.0.1:9'])
    expect([code, stderr]).toEqual([1, expect.stringMatching(/127\.0\.0\.1:9 does not answer/)])
  })

  test('sorts buckets by number, and takes nothing for nothing', () => {
    const bucket = (le: string, value: number) => ({ labels: { le }, value })
    const nothing = { rejections: [], rejects: [], thresholds: [], matches: [] }
    const scores = [bucket('+Inf', 4), bucket('0.5', 2), bucket('0.05', 1)]
    expect(adviceFrom({ ...nothing, scores })).toMatchObject({
      judged: 4,
      refusedAnyway: 0,
      rejectBelow: undefined,
      scores: [
        { upTo: 0.05, share: 0.25, count: 1 },
        { upTo: 0.5, share: 0.5, count: 2 },
      ],
    })
    expect(adviceFrom({ ...nothing, scores: [bucket('+Inf', 0), bucket('0.5', 0)] }).scores).toEqual([])
  })

  test("leaves out a threshold's bound that was not there all the time", () => {
    const bucket = (le: string, value: number) => ({ labels: { le }, value })
    const scores = [bucket('0.7', 20), bucket('0.7123', 9), bucket('0.75', 26), bucket('0.76', 26), bucket('+Inf', 100)]
    const advice = adviceFrom({ scores, rejections: [], rejects: [], thresholds: [], matches: [] })
    expect(advice.scores.map(({ upTo, share }) => [upTo, share])).toEqual([
      [0.7, 0.2],
      [0.75, 0.26],
      [0.76, 0.26],
    ])
  })
})
