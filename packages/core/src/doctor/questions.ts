import { quote } from '../base/shell.ts'
import { PROBE_FUNCTIONS } from '../deploy/probe.ts'
import { ROLL_FUNCTIONS } from '../deploy/rolllibrary.ts'
import type { ServedFolder } from '../proxy/folders.ts'

/** What can only be asked once the facts are known. */
export interface Questions {
  project: string
  /** On which port of its container the proxy answers, as `http:80`. */
  doors: readonly string[]
  /** Origins to ask through the proxy, and the path of the health check there. */
  origins: readonly string[]
  healthPath: string
  folders: readonly ServedFolder[]
  /** The user of nginx's workers. */
  worker: string
  /** Names whose served certificate is looked at. */
  names: readonly string[]
}

/** What became of each question. */
export interface Answers {
  /** Status by origin; 000 for no answer, none where nothing could ask. */
  statuses: Map<string, string>
  /** What is in a folder, by its path. */
  folders: Map<string, FolderAnswer>
  /** The certificate served for a name, in PEM form; '' for none. */
  served: Map<string, string>
  /** Why questions could not be asked: no container in front, no openssl. */
  lacks: string[]
}

/** `missing` and `empty` are the folder's; else a file was asked for, and this is the status. */
export type FolderAnswer =
  | { state: 'missing' | 'empty' }
  | { state: 'file'; file: string; readable: boolean; status: string }

/** The script that asks. Changes nothing. */
export function questionsScript({
  project,
  doors,
  origins,
  healthPath,
  folders,
  worker,
  names
}: Questions): string {
  return `${PROBE_FUNCTIONS}${ROLL_FUNCTIONS}
own=${quote(project)} DOORS=${quote(doors.join(' '))}
FRONT=$(docker ps -q --filter "label=com.docker.compose.project=$own" --filter publish=80 --filter publish=443 | head -n 1)
[ -n "$FRONT" ] || echo '@lacks front'
inside() { # FOLDER: missing, empty, or a file in it
  docker exec -u 0 "$FRONT" sh -c 'cd "$1" 2> /dev/null || { echo missing; exit; }
    file=$(find -L . -type f 2> /dev/null | grep -E "^[A-Za-z0-9_./-]+$" | head -n 1)
    if [ -n "$file" ]; then echo "\${file#./}"; else echo empty; fi' sh "$1" 2> /dev/null; }
folder() { # ORIGIN PREFIX FOLDER
  file=$(inside "$3")
  case $file in missing|empty|'') echo "@folder $3 \${file:-missing}"; return ;; esac
  readable=no
  docker exec -u ${quote(worker)} "$FRONT" sh -c 'cat "$1" > /dev/null' sh "$3$file" 2> /dev/null && readable=yes
  echo "@folder $3 file $readable $(ask "$1" "$2$file") $file"; }
served() { # NAME
  echo "@served $1"
  timeout 8 openssl s_client -connect 127.0.0.1:443 -servername "$1" < /dev/null 2> /dev/null | openssl x509 2> /dev/null; }
if [ -n "$FRONT" ]; then
  :
${origins.map(origin => `  printf '@site %s %s\\n' ${quote(origin)} "$(ask ${quote(origin)} ${quote(healthPath)})"`).join('\n')}
${folders.map(({ origin, prefix, folder }) => `  folder ${[origin, prefix, folder].map(quote).join(' ')}`).join('\n')}
fi
if command -v openssl > /dev/null; then
  :
${names.map(name => `  served ${quote(name)}`).join('\n')}
else echo '@lacks openssl'; fi
exit 0
`
}

/** Reads what the script printed. */
export function readAnswers(text: string): Answers {
  const answers: Answers = { statuses: new Map(), folders: new Map(), served: new Map(), lacks: [] }
  for (const piece of text.split(/^(?=@)/m)) {
    const [head = '', ...rest] = piece.trimEnd().split('\n')
    const [kind, a = '', b = '', c, d = '', ...file] = head.split(' ')
    if (kind === '@site') answers.statuses.set(a, b)
    else if (kind === '@lacks') answers.lacks.push(a)
    else if (kind === '@served') answers.served.set(a, rest.join('\n'))
    else if (kind === '@folder' && (b === 'missing' || b === 'empty')) {
      answers.folders.set(a, { state: b })
    } else if (kind === '@folder') {
      answers.folders.set(a, {
        state: 'file',
        file: file.join(' '),
        readable: c === 'yes',
        status: d
      })
    }
  }
  return answers
}
