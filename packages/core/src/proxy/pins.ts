/**
 * Shell functions that pin a service in the /etc/hosts of the containers that may call it, the proxy
 * `$FRONT` among them: what they ask for is answered from there before DNS is asked.
 *
 * The engine says what a service is called in each network; a caller gets the names of the networks
 * that it shares. The file is a mount and must be written in place. When a container restarts, the
 * engine writes it anew: then DNS answers, and a bridge has the service's aliases. Needs `ids`.
 */
export const PIN_FUNCTIONS = String.raw`
networks() { docker inspect -f '{{range $name, $one := .NetworkSettings.Networks}}{{$name}} {{$one.IPAddress}}{{"\n"}}{{end}}' "$1" 2>/dev/null; }
learn() { # SERVICE CONTAINER...: what the service is called in each network, and who may call it
  service=$1; shift
  callers "$service" > "$SCRATCH/callers.$service"
  docker inspect -f '{{$own := slice .Name 1}}{{range $name, $one := .NetworkSettings.Networks}}{{$name}} {{$own}}{{range $one.Aliases}} {{.}}{{end}}{{"\n"}}{{end}}' "$@" > "$SCRATCH/names.$service"; }
callers() { # SERVICE: every running container of the app but the service's own, with its networks
  own=" $(ids "$1" | tr '\n' ' ') "
  docker ps -q --no-trunc --filter "label=com.docker.compose.project=$N" --filter label=com.docker.compose.oneoff=False |
    xargs -r docker inspect -f '{{.Id}}{{range $name, $one := .NetworkSettings.Networks}} {{$name}}{{end}}' 2>/dev/null |
    while read -r id nets; do case $own in *" $id "*) ;; *) echo "$id $nets" ;; esac; done; }
REWRITE='kept=$(grep -v " # roll of $1$" "$3"); { printf "%s\n" "$kept"; [ -z "$2" ] || printf "%s\n" "$2"; } > "$3"'
hosts() { # CONTAINER SERVICE LINES: our lines for a service, or none
  docker exec -u 0 "$1" sh -c "$REWRITE" sh "$2" "$3" /etc/hosts 2>/dev/null ||
  # Without a shell, or with its file system read-only: the same file, from a container of the proxy's image.
  docker run --rm --network none -u 0 --entrypoint sh -v "$(docker inspect -f '{{.HostsPath}}' "$1"):/pinned" \
    "$(docker inspect -f '{{.Image}}' "$FRONT")" -c "$REWRITE" sh "$2" "$3" /pinned > /dev/null 2>&1 </dev/null; }
pin() { # SERVICE CONTAINER...: fails when the proxy's file cannot be written
  service=$1; shift
  docker inspect -f '{{$own := .Id}}{{range $name, $one := .NetworkSettings.Networks}}{{$own}} {{$name}} {{$one.IPAddress}}{{"\n"}}{{end}}' "$@" 2>/dev/null | awk 'NF == 3' > "$SCRATCH/targets"
  : > "$SCRATCH/unpinned"; writers=
  while read -r caller nets; do
    lines=$(awk -v nets="$nets" -v mark="# roll of $service" '
      BEGIN { n = split(nets, list, " "); for (i = 1; i <= n; i++) shared[list[i]] }
      FILENAME == ARGV[1] { if ($1 in shared) for (i = 2; i <= NF; i++) if (!seen[$i]++) names = names " " $i; next }
      $2 in shared && !done[$1]++ { print $3 names " " mark }' "$SCRATCH/names.$service" "$SCRATCH/targets")
    [ -z "$lines" ] || { hosts "$caller" "$service" "$lines" || echo "$caller" >> "$SCRATCH/unpinned"; } &
    writers="$writers $!"
  done < "$SCRATCH/callers.$service"
  [ -z "$writers" ] || wait $writers
  pinned_at=$(seconds)
  ! grep -q -x -F "$FRONT" "$SCRATCH/unpinned"; }
unpin() { # SERVICE
  callers "$1" > "$SCRATCH/callers.$1"; writers=
  while read -r caller _; do hosts "$caller" "$1" '' & writers="$writers $!"; done < "$SCRATCH/callers.$1"
  [ -z "$writers" ] || wait $writers
  pinned_at=; }
`
