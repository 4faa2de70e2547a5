#!/usr/bin/env node
import { main } from './cli/main.ts'

// Set rather than exit: what is still on its way to a pipe would be cut off.
process.exitCode = await main(process.argv.slice(2))
