const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

/**
 * Text that stays on its line and steers no terminal: control and invisible formatting characters, which file names may hold,
 * become \u{…} escapes.
 */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`)
}
