export { faceQualityConsole } from './console/face-quality-console.ts'
export type { ConsoleOptions } from './console/options.ts'
