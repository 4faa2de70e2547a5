import { createEmbedHandler } from './adapters/embed-handler.ts'
import { serveTasks } from './inference/serve-tasks.ts'

export default serveTasks(createEmbedHandler)
