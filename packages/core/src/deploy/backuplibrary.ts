/** Rows of each table that a dump holds: the same question to the app's database and to its restore. */
const COUNTS = `SELECT format('SELECT %L, count(*) FROM ONLY %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1 \\gexec`

/** Write-ahead log that a restore may leave behind for a while, at most, in kilobytes. */
const MOST_LOG_KB = 1024 * 1024
/** What must stay free for the databases that serve, in kilobytes. */
const RESERVE_KB = 64 * 1024

/**
 * Shell functions of the step backup. \`$box\` is the container of the database; \`pg\` runs a program
 * in it with the user, password and database of its own environment, which stay inside. A backup
 * has its name only when it is whole and, where that can be done, proven.
 */
export const BACKUP_FUNCTIONS = String.raw`
pg() { docker exec -i -e "WANTED=$database" -e PGAPPNAME=diveops-backup "$box" sh -c '
first() { for each; do
  value=$(printenv "$each"); file=$(printenv "$each""_FILE")
  if [ -z "$value" ] && [ -f "$file" ]; then value=$(cat "$file"); fi
  [ -z "$value" ] || { printf %s "$value"; return; }
done; }
PGUSER=$(first POSTGRES_USER POSTGRESQL_USERNAME); [ -n "$PGUSER" ] || PGUSER=postgres
PGPASSWORD=$(first POSTGRES_PASSWORD POSTGRESQL_PASSWORD)
PGDATABASE=$(first WANTED POSTGRES_DB POSTGRESQL_DATABASE); [ -n "$PGDATABASE" ] || PGDATABASE=$PGUSER
export PGUSER PGPASSWORD PGDATABASE; exec "$@"' pg "$@"; }
ask_pg() { pg psql -XAtq -v ON_ERROR_STOP=1 "$@" 2> "$SCRATCH/pg.err"; } # SQL on standard input
begin_backups() {
  umask 077
  mkdir -p backups && chmod 700 backups || fail "cannot make the folder $P/backups"
  rm -f backups/*.part; database=; scratch=; part=; : > "$SCRATCH/backups"
  trap leave_nothing EXIT; trap 'exit 143' TERM INT; }
leave_nothing() {
  if [ -n "$part" ]; then
    rm -f "$part"
    # A dump whose reader is gone would hold its locks.
    [ -z "$database" ] || echo "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'diveops-backup' AND pid <> pg_backend_pid();" | ask_pg > /dev/null
  fi
  drop_scratch; }
end_backups() {
  part=; trap - EXIT TERM INT
  printf '@backups %s\n' "$(tr '\n' ';' < "$SCRATCH/backups")"; }
no_backup() { # TEXT [FILE-WITH-WORDS]
  [ -z "$2" ] || [ ! -s "$2" ] || show 'it said:' < "$2"
  fail "$1; the run ends before the database is changed"; }
write_part() { # WORDS...: what they print becomes the file; both ends must be well
  { "$@" 2> "$SCRATCH/write.err" < /dev/null; echo $? > "$SCRATCH/write.code"; } | cat 2> "$SCRATCH/part.err" > "$part" ||
    no_backup "the backup cannot be written to $P/$part: $(sed 's/.*: //' "$SCRATCH/part.err" | tail -n 1)"
  [ "$(cat "$SCRATCH/write.code")" = 0 ] || no_backup "the backup of service '$name' failed with exit code $(cat "$SCRATCH/write.code")" "$SCRATCH/write.err"
  [ -s "$part" ] || no_backup "the backup of service '$name' is empty" "$SCRATCH/write.err"; }
keep_part() { # FILE [DATABASE USER]
  sync "$part" && mv "$part" "$1" && sync backups || no_backup "the backup cannot be written to $P/$1"
  part=; printf '%s|%s|%s|%s\n' "$1" "$name" "$2" "$3" >> "$SCRATCH/backups"; }
size_of() { wc -c < "$1" | awk '{ if ($1 < 1048576) printf "%d kB", $1 / 1024 + 1; else printf "%.1f MB", $1 / 1048576 }'; }
drop_scratch() {
  [ -n "$scratch" ] || return 0
  echo "DROP DATABASE IF EXISTS $scratch;" | ask_pg ||
    note "warning: the scratch database $scratch in service '$name' could not be dropped: $(tail -n 1 "$SCRATCH/pg.err")"
  scratch=; }
space() { # FOLDER [WORDS BEFORE df...]: kilobytes of its file system in all, and free
  folder=$1; shift; "$@" df -Pk "$folder" 2> /dev/null | awk 'END { print $2 + 0, $4 + 0 }'; }
check_space() { # KILOBYTES: for the file, and for the scratch database and the log that it makes
  log=$(awk -v n="$1" 'BEGIN { print n < ${MOST_LOG_KB} ? n : ${MOST_LOG_KB} }')
  here=$(space backups); there=$(space "$(echo 'SHOW data_directory' | ask_pg)" docker exec "$box")
  need_here=$1; need_there=$(($1 + log + ${RESERVE_KB}))
  [ "$here" != "$there" ] || need_here=$((need_here + need_there))
  free_here=$(echo "$here" | cut -d ' ' -f 2); free_there=$(echo "$there" | cut -d ' ' -f 2)
  [ "$there" != '0 0' ] || need_there=0 # cannot be told in this container
  [ "$need_here" -le "$free_here" ] && [ "$need_there" -le "$free_there" ] ||
    no_backup "too little space for a backup of database '$database' and its proof: $((free_here / 1024)) MB are free in $P/backups of $((need_here / 1024 + 1)) MB needed, $((free_there / 1024)) MB where the database is of $((need_there / 1024 + 1)) MB needed; free some space, or set backup: off in diveops.yml"; }
backup_postgres() { # SERVICE DATABASE
  name=$1 database=$2
  about=$(echo "SELECT current_database(), current_user, pg_database_size(current_database()) / 1024" | ask_pg) || no_backup "the database of service '$name' does not answer" "$SCRATCH/pg.err"
  database=$(echo "$about" | cut -d '|' -f 1); user=$(echo "$about" | cut -d '|' -f 2)
  case $database$user in *[!A-Za-z0-9_.-]*) no_backup "the name of database '$database' or of its user '$user' is not plain; set a backup command in diveops.yml" ;; esac
  file=backups/$RELEASE-$name-$database.dump; part=$file.part
  check_space "$(echo "$about" | cut -d '|' -f 3)"
  echo "SELECT format('DROP DATABASE %I', datname) FROM pg_database WHERE datname LIKE 'diveops\_proof\_%' \gexec" | ask_pg
  # A transaction stays open while pg_dump works, so that both see the same rows whatever is written.
  fifo=$SCRATCH/session; rm -f "$fifo"; mkfifo "$fifo" || no_backup 'a pipe for the backup cannot be made'
  pg psql -XAtq -v ON_ERROR_STOP=1 < "$fifo" > "$SCRATCH/before" 2> "$SCRATCH/session.err" &
  session=$!
  exec 7> "$fifo"
  cat >&7 <<'SQL'
SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT 'snapshot ' || pg_export_snapshot();
${COUNTS}
SQL
  until snapshot=$(sed -n 's/^snapshot //p' "$SCRATCH/before") && [ -n "$snapshot" ]; do
    kill -0 "$session" 2> /dev/null || no_backup "there is no snapshot of database '$database' to back up" "$SCRATCH/session.err"
    sleep 0.05
  done
  write_part pg pg_dump --format=custom --no-password --snapshot="$snapshot"
  echo 'COMMIT;' >&7; exec 7>&-
  wait "$session" || no_backup "the rows of database '$database' could not be counted" "$SCRATCH/session.err"
  scratch=diveops_proof_$(printf %s "$RELEASE" | tr -c a-z0-9 _)
  echo "SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L', '$scratch', pg_encoding_to_char(encoding), datcollate, datctype) FROM pg_database WHERE datname = current_database() \gexec" | ask_pg || no_backup "no scratch database could be made to prove the backup of database '$database'" "$SCRATCH/pg.err"
  pg pg_restore --exit-on-error --no-publications --no-subscriptions --dbname="$scratch" < "$part" 2> "$SCRATCH/restore.err" || no_backup "the backup of database '$database' cannot be restored" "$SCRATCH/restore.err"
  ask_pg --dbname="$scratch" > "$SCRATCH/after" <<'SQL' || no_backup "the restored rows of database '$database' could not be counted" "$SCRATCH/pg.err"
${COUNTS}
SQL
  grep '|' "$SCRATCH/before" | sort > "$SCRATCH/rows"
  sort "$SCRATCH/after" | comm -3 - "$SCRATCH/rows" > "$SCRATCH/differ"
  [ ! -s "$SCRATCH/differ" ] || no_backup "the backup of database '$database' does not hold the rows that the database held" "$SCRATCH/differ"
  drop_scratch
  keep_part "$file" "$database" "$user"
  note "$file: $(size_of "$file"), $(wc -l < "$SCRATCH/rows") tables with $(awk -F '|' '{ n += $2 } END { print n + 0 }' "$SCRATCH/rows") rows, proven by a restore"; }
backup_command() { # SERVICE COMMAND VERIFY
  name=$1 file=backups/$RELEASE-$1.backup
  box=$(docker ps -q --no-trunc --filter "label=com.docker.compose.project=$N" --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False | head -n 1)
  [ -n "$box" ] || no_backup "there is no backup: service '$1' does not run"
  part=$file.part
  write_part docker exec "$box" sh -c "$2"
  if [ -n "$3" ]; then
    docker exec -i "$box" sh -c "$3" < "$part" > "$SCRATCH/verify.out" 2>&1 || no_backup "the backup of service '$1' did not stand its test" "$SCRATCH/verify.out"
  fi
  keep_part "$file"
  note "$file: $(size_of "$file"), $(if [ -n "$3" ]; then echo 'it stood its test'; else echo 'not tested'; fi)"; }
`
