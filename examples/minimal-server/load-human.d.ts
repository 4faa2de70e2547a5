import type { Config, Human } from '@vladmandic/human'

export function loadHuman(config?: Partial<Config>): Promise<Human>
