/**
 * Shell functions that compare a new release with the old container while that still runs: before the
 * switch by the same questions to both; then, watching, that it stays healthy, that nginx no longer
 * asks the old one, that every origin answers through the proxy no worse than before, and how many
 * error answers real visitors get, by nginx's own log.
 *
 * Our own questions name themselves `diveops-watch`, so that they do not count as visitors.
 */
export const BAKE_FUNCTIONS = String.raw`
# Fewer error answers than this say nothing, whatever their share.
ERRORS_THAT_COUNT=3
count_answers() { # of nginx's log: how many answers were errors of the server's, and how many there were
  awk '
    function count(status) { total++; if (status >= 500) seen[status]++ }
    /diveops-watch/ || /^127\.0\.0\.1 / { next }
    # What nginx refuses by a limit of its own says nothing of the release; it answers 503 unless told otherwise.
    /limiting (requests|connections)/ && !/dry run/ { limited++; next }
    match($0, /" [1-5][0-9][0-9] /) { count(substr($0, RSTART + 2, 3)); next }
    match($0, /"status": *"?[1-5][0-9][0-9]/) { count(substr($0, RSTART + RLENGTH - 3, 3)) }
    END {
      seen[503] -= limited < seen[503] ? limited : seen[503]
      for (status in seen) errors += seen[status]
      print errors + 0, total + 0 }'; }
reached() { # CONTAINER: the address by which the proxy reaches it
  { networks "$FRONT"; echo @; networks "$1"; } | awk '
    $1 == "@" { own = 1 } NF != 2 { next } !own { shared[$1]; next }
    at == "" || $1 in shared { at = $2; if ($1 in shared) exit } END { print at }'; }
worse() { # PORT SCHEME OLD NEW: whether the new container, three times in a row, has an error for visitors where the old one has none; which, in $why
  old=$(reached "$3") new_at=$(reached "$4")
  for origin in $ORIGINS; do
    for path in $(printf '%s\n' / "$HEALTH" | sort -u); do
      for at in "$old" "$new_at"; do echo "$(basename "$origin") $2 $at:$1 $path $(echo "$origin" | cut -d : -f 1)"; done
    done
  done > "$SCRATCH/questions"
  for turn in 1 2 3; do
    why=$(fetch_each "$SCRATCH/questions" | paste -d ' ' "$SCRATCH/questions" - | awk -v health="$HEALTH" '
      NR % 2 { before = $6; next }
      # Where a visitor is refused is for the release to say, but not on the path by which the site is judged.
      before ~ /^[23]/ && ($6 !~ /^[1-4]/ || $6 ~ /^4/ && $4 == health) {
        print $5 "://" $1 $4 " with " ($6 == "000" ? "nothing" : $6) ", where the release that serves answers " before; exit }')
    [ -n "$why" ] || return 1
    sleep 0.25
  done; }
answers() { docker logs --tail 20000 --since "$1" "$FRONT" 2>&1 | count_answers; } # SINCE
remember() { # before the switch: what visitors got in the last minute, and what each origin answers
  answers_before=$(answers "$(($(date +%s) - 60))")
  for origin in $ORIGINS; do printf '%s %s\n' "$origin" "$(ask "$origin" "$HEALTH")"; done > "$SCRATCH/asked"
  docker logs --tail 1 "$FRONT" > /dev/null 2>&1 || note "what visitors get cannot be counted: the engine keeps no log of the proxy"; }
serves() { # every origin answers through the proxy: no error of the server's, and no refusal that is new
  for origin in $ORIGINS; do
    status=$(ask "$origin" "$HEALTH")
    case $status in
      2*|3*) ;;
      4*) ! grep -qF -e "$origin 2" -e "$origin 3" "$SCRATCH/asked" || { why="$origin answers $status through the proxy, and did not before"; return 1; } ;;
      none) why='neither the container of the proxy nor the host has curl, wget or bash to ask the site'; return 1 ;;
      *) why="$origin answers $status through the proxy"; return 1 ;;
    esac
  done; }
within_budget() { # PERCENT: of what visitors got since the switch, or the share that the old release had
  set -- "$1" $answers_before $(answers "$switched")
  awk -v least="$ERRORS_THAT_COUNT" -v percent="$1" -v errors="$4" -v total="$5" -v before="$2" -v of="$3" 'BEGIN {
    exit errors >= least && errors * 100 > percent * total && (of == 0 || errors * of > before * total) }' && return
  why="of $5 answers to visitors since the switch $4 were errors"; return 1; }
ends() { # out|in PEER [STATE]: of connections made to the peer, or accepted from it, but those in a state, the port at the caller's side
  networks "$2" | cut -d ' ' -f 2 > "$SCRATCH/peer"
  awk -v way="$1" -v file="$SCRATCH/peer" -v but="$3" '
    BEGIN { while ((getline line < file) > 0) if (split(line, n, ".") == 4) peer[sprintf("%02X%02X%02X%02X", n[4], n[3], n[2], n[1])] }
    { split($2, here, ":"); split($3, there, ":"); state[NR] = $4; near[NR] = here[2]; ip[NR] = there[1]; far[NR] = there[2] }
    $4 == "0A" { listens[here[2]] }
    END { for (one in ip) {
      if (!(substr(ip[one], length(ip[one]) - 7) in peer) || state[one] == but) continue
      if ((near[one] in listens) == (way == "in")) print way == "in" ? far[one] : near[one] } }'; }
calls() { { sockets "$FRONT" | ends out "$1" "$2"; sockets "$1" | ends in "$FRONT" "$2"; } | sort -u; } # CONTAINER [STATE]: the proxy's connections to it
moved() { # OLD...: their old workers being gone, the proxy has no open connection (01) to the old containers, and makes no new one
  [ -z "$(unfinished "$@")" ] || return 0
  for each in "$@"; do calls "$each" 01; done | sort > "$SCRATCH/calls.before"; serves || return 1
  for each in "$@"; do calls "$each"; done | sort > "$SCRATCH/calls"
  [ -z "$(comm -13 "$SCRATCH/calls.before" "$SCRATCH/calls")" ] || { why="$FRONT_KIND still asks the old container"; return 1; }; }
well() { # CONTAINER TEST...: it runs, never restarted, and is healthy: three tests in a row that fail are ill, as for the engine, or one that hangs
  for turn in 1 2 3; do
    [ "$(docker inspect -f '{{.State.Status}} {{.RestartCount}}' "$1" 2>/dev/null)" = 'running 0' ] || { why='it stopped or restarted'; return 1; }
    [ $# -gt 1 ] || return 0
    probe "$@" > "$SCRATCH/test.out" && return 0
    [ $? -ne 124 ] || break
    sleep 0.25
  done
  why='its health test fails'; return 1; }
steady() { # CONTAINERS TEST...: each is well, and the site answers
  boxes=$1; shift
  for box in $boxes; do well "$box" "$@" || return 1; done
  serves; }
bake() { # SECONDS PERCENT CONTAINERS TEST...: 1 with the reason in $why as soon as one of it is not so
  span=$1 percent=$2; shift 2
  since=$(seconds) switched=$(date +%s.%N); : > "$SCRATCH/test.out"
  while :; do
    [ ! -f "$SCRATCH/cancel" ] || { why='the run was cancelled'; return 1; }
    steady "$@" && within_budget "$percent" || return 1
    ! past "$since" "$span" || return 0
    sleep 0.25
  done; }
`
