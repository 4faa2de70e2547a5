export { type RedisScoresClient, type RedisScoresOptions, redisScores } from './gate/redis-scores.ts'
export type { SharedScoreStore } from './gate/shared-scores.ts'
