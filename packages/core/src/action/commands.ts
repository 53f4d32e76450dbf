/**
 * Text that the runner takes for nothing but text. It takes a line that begins with `::`, after blanks,
 * for a command, and `##[` anywhere in one; and it ends lines at a lone carriage return, too. What a
 * server, a build or a file says must never mask, set or fold anything here.
 */
export function harmless(text: string): string {
  return text
    .split(/\r\n|\n|\r/)
    .map(line => line.replace(/^([\s\u0085]*):(?=:)/, '$1: ').replaceAll('##[', '## ['))
    .join('\n')
}
