/** Texts that mean something to a shell, to the runner, to Markdown or to mermaid. */
export const HOSTILE: Record<string, string> = {
  'a shell substitution': 'x$(touch CANARY)',
  backticks: 'x`touch CANARY`',
  'the end of a command': "x'; touch CANARY; echo '",
  'double quotes': 'x"; touch CANARY; "',
  'an end of line': 'x\ntouch CANARY',
  'a carriage return': 'x\r::add-mask::secretly\rtouch CANARY',
  'a workflow command': 'x\n::set-output name=state::owned',
  'a command after blanks': 'x\n \t::add-mask::the',
  'an old command': 'x ##[add-mask]the',
  'an expression': `$\u007b{ github.token }}`,
  "sed's own command": 'x#e;1e touch CANARY #',
  'a pipe': 'x|touch CANARY',
  'an option': '--output=CANARY',
  html: '<img src=x onerror=alert(1)>&lt;"quoted"',
  markdown: '**bold** [link](https://example.com) _it_ ~~gone~~ | cell | `code` #1 @team $x$ \\',
  'a diagram': 'title x: crit, 0, 1; %% note # click',
  unicode: 'büro – 日本 🐙'
}
