// Threads do not inherit the loader of TypeScript that the process was started with.
import { register } from 'tsx/esm/api'

register()
const { default: look } = await import('./look-worker.ts')

export default look
