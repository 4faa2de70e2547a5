/** Inputs that once did harm. */
export const INPUTS_DIR = new URL('inputs/', import.meta.url)
