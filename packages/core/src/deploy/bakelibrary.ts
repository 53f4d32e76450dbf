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
reached() { # CONTAINER...: the address by which the proxy reaches each
  docker inspect -f '{{range $name, $one := .NetworkSettings.Networks}}{{$name}}={{$one.IPAddress}} {{end}}' "$FRONT" "$@" | awk '{
    at = "-"
    for (i = 1; i <= NF; i++) {
      split($i, one, "=")
      if (NR == 1) shared[one[1]]; else if (one[2] != "" && (at == "-" || one[1] in shared)) at = one[2]
    }
    if (NR > 1) print at }'; }
worse() { # PORT SCHEME OLD NEW: whether the new container, three times in a row, has an error for visitors where the old one has none; which, in $why
  addresses=$(reached "$3" "$4")
  for origin in $ORIGINS; do
    for path in $(printf '%s\n' / "$HEALTH" | sort -u); do
      for at in $addresses; do echo "$(basename "$origin") $2 $at:$1 $path $(echo "$origin" | cut -d : -f 1)"; done
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
  answers "$(($(date +%s) - 60))" > "$SCRATCH/answered"
  for origin in $ORIGINS; do printf '%s %s\n' "$origin" "$(ask "$origin" "$HEALTH")"; done > "$SCRATCH/asked"
  docker logs --tail 1 "$FRONT" > /dev/null 2>&1 || note "what visitors get cannot be counted: the engine keeps no log of the proxy"; }
thrice() { # COMMAND...: fails when it fails three times in a row; one answer that did not come says nothing yet
  for turn in 1 2 3; do
    "$@" && return
    [ "$turn" = 3 ] || sleep 0.25
  done
  return 1; }
serves() { thrice origins_answer; } # or 1 with the reason in $why
origins_answer() { # through the proxy: no error of the server's, and no refusal that is new
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
  set -- "$1" $(cat "$SCRATCH/answered") $(answers "$switched")
  awk -v least="$ERRORS_THAT_COUNT" -v percent="$1" -v errors="$4" -v total="$5" -v before="$2" -v of="$3" 'BEGIN {
    exit errors >= least && errors * 100 > percent * total && (of == 0 || errors * of > before * total) }' && return
  why="of $5 answers to visitors since the switch $4 were errors"; return 1; }
ends() { # out|in ADDRESSES [STATE]: of connections made to these, or accepted from them, but those in a state, the port at the caller's side
  awk -v way="$1" -v addresses="$2" -v but="$3" '
    BEGIN { count = split(addresses, list, " "); for (i = 1; i <= count; i++) if (split(list[i], n, ".") == 4) peer[sprintf("%02X%02X%02X%02X", n[4], n[3], n[2], n[1])] }
    { split($2, here, ":"); split($3, there, ":"); state[NR] = $4; near[NR] = here[2]; ip[NR] = there[1]; far[NR] = there[2] }
    $4 == "0A" { listens[here[2]] }
    END { for (one in ip) {
      if (!(substr(ip[one], length(ip[one]) - 7) in peer) || state[one] == but) continue
      if ((near[one] in listens) == (way == "in")) print way == "in" ? far[one] : near[one] } }'; }
calls() { # [STATE]: the proxy's connections to the containers in $SCRATCH/parties, whose first line is its own
  far=$(sed 1d "$SCRATCH/parties" | cut -d ' ' -f 3- | tr '\n' ' ')
  { read -r box process near; sockets "$box" "$process" | ends out "$far" "$1"
    while read -r box process _; do sockets "$box" "$process" | ends in "$near" "$1"; done
  } < "$SCRATCH/parties" | sort -u; }
moved() { thrice asks_others "$@"; } # OLD...: the proxy no longer asks these; or 1 with the reason in $why
asks_others() { # OLD...: its old workers being gone, the proxy has no open connection (01) to the old containers, and makes no new one
  [ -z "$(unfinished "$@")" ] || return 0
  docker inspect -f '{{.Id}} {{.State.Pid}}{{range .NetworkSettings.Networks}} {{.IPAddress}}{{end}}' "$FRONT" "$@" > "$SCRATCH/parties" 2>/dev/null
  calls 01 > "$SCRATCH/calls.before"; origins_answer || return 1
  calls > "$SCRATCH/calls"
  [ -z "$(comm -13 "$SCRATCH/calls.before" "$SCRATCH/calls")" ] || { why="$FRONT_KIND still asks the old container"; return 1; }; }
well() { # CONTAINER TEST...: it runs, never restarted, and is healthy: three tests in a row that fail are ill, as for the engine, or one that hangs
  for turn in 1 2 3; do
    case $(docker inspect -f '{{.State.Status}} {{.RestartCount}}' "$1" 2>/dev/null) in
      'running 0')
        [ $# -gt 1 ] || return 0
        why='its health test fails'
        probe "$@" > "$SCRATCH/test.out" && return 0
        [ $? -ne 124 ] || return 1 ;;
      '') why='the engine does not say how it is' ;;
      *) why='it stopped or restarted'; return 1 ;;
    esac
    sleep 0.25
  done
  return 1; }
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
