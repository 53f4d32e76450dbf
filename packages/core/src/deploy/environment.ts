import { quote } from '../base/shell.ts'
import type { Target } from './target.ts'

/** Where the facts' tar put the variables that the run hands over: a shell expression. */
const GIVEN_ENV = '"$SCRATCH/secret/env"'

/**
 * Shell functions that change .env and put it back. `.diveops/env/` keeps each version under its
 * sha256; from the change on until the release is live, `.diveops/env.undo` says which version was
 * there before and which one this product wrote, so that also a later run can undo what an
 * interrupted one began.
 */
export const ENVIRONMENT_FUNCTIONS = `
hash_env() { sha256sum < .env | cut -c 1-64; }
keep_env() { [ -f ".diveops/env/$1" ] || cp .env ".diveops/env/$1"; }
drop_env() { grep -qsF "$1" releases/*/release.json || rm -f ".diveops/env/$1"; } # unless a release is of it
env_back() { # .env as it was before the run that failed, unless somebody else changed it meanwhile
  [ -f .diveops/env.undo ] || return 0
  read -r before after generated < .diveops/env.undo
  if [ "$(hash_env)" = "$after" ]; then
    # Data may have been made with a generated password already, so the next try needs it again.
    [ -z "$generated" ] || (umask 077; cp .env .diveops/env.undone)
    (umask 077; cp ".diveops/env/$before" .env.new) && mv .env.new .env || { note "warning: .env could not be put back; its version from before is $P/.diveops/env/$before"; return 0; }
  else note "warning: .env was changed by somebody else meanwhile and stays; its version from before this run is $P/.diveops/env/$before"; fi
  drop_env "$after"; rm -f .diveops/env.undo; }
env_done() { # the release is live with its .env
  rm -f .diveops/env.undo .diveops/env.undone
  for version in .diveops/env/*; do drop_env "$(basename "$version")"; done; }
`

/** Step environment: what the target changes in .env, and nothing else of it. */
export function environmentStep({ environment: { add, generate, follow } }: Target): string {
  const names = add.map(([name]) => name)
  return `step environment
umask 077
mkdir -p .diveops/env
new="$P/.env.new"
before=
if [ -f .env ]; then
  before=$(hash_env); keep_env "$before"
  # A run that was interrupted may have left its own changes: what was before those counts.
  if [ -f .diveops/env.undo ]; then read -r first after _ < .diveops/env.undo; [ "$after" != "$before" ] || before=$first; fi
  cp .env "$new" && { [ -z "$(tail -c 1 "$new")" ] || echo >> "$new"; }
else : > "$new"; fi || fail "cannot write $new"
[ ! -f ${GIVEN_ENV} ] || while IFS= read -r line; do
  name=$(printf '%s' "$line" | sed 's/=.*//'); value=$(printf '%s' "$line" | sed "s/^[^=]*='//; s/'$//")
  ! grep -qE "^[[:space:]]*(export[[:space:]]+)?$name[[:space:]]*=[[:space:]]*[^[:space:]]" "$new" ||
    grep -qxF -e "$line" -e "$name=$value" -e "$name=\\"$value\\"" "$new" ||
    note "warning: .env on the host has another value for $name than the input 'env'; the host's is kept"
done < ${GIVEN_ENV}
set_line() { # NAME VALUE: replaces the line where it stands, or adds it
  awk -v name="$1" -v line="$1='$2'" '
    $0 ~ "^[ \\t]*(export[ \\t]+)?" name "[ \\t]*=" { if (!done) print line; done = 1; next }
    { print } END { if (!done) print line }' "$new" > "$new.2" && mv "$new.2" "$new"; }
take() { # NAME: the line that the client sent
  value=$(sed -n "s/^$1='\\(.*\\)'$/\\1/p" "$SCRATCH/secret/env" "$SCRATCH/secret/template" | head -n 1)
  sed -i -E "/^[[:space:]]*(export[[:space:]]+)?$1[[:space:]]*=[[:space:]]*$/d" "$new"
  printf "%s='%s'\\n" "$1" "$value" >> "$new"; }
make() { # NAME LENGTH: letters and digits, those of a try before that failed if there was one
  value=$(sed -n "s/^$1='\\(.*\\)'$/\\1/p" .diveops/env.undone 2> /dev/null | head -n 1)
  [ -n "$value" ] || value=$(LC_ALL=C tr -dc A-Za-z0-9 < /dev/urandom | head -c "$2")
  printf "%s='%s'\\n" "$1" "$value" >> "$new"; }
${names.map(name => `take ${quote(name)}`).join('\n')}
${generate.map(([name, length]) => `make ${quote(name)} ${length}`).join('\n')}
${follow.map(([name, value]) => `set_line ${quote(name)} ${quote(value)}`).join('\n')}
hash=$(sha256sum < "$new" | cut -c 1-64)
if [ -f .env ] && cmp -s .env "$new"; then rm "$new"
else
  [ -z "$before" ] || echo "$before $hash ${generate.length > 0 ? 'generated' : ''}" > .diveops/env.undo
  mv "$new" .env || fail "cannot write $P/.env"
fi
keep_env "$hash"
printf '@env %s\\n' "$hash"`
}
