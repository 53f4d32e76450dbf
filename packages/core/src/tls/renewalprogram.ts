/**
 * The part of `init-ssl.sh` that renews: `renew` is what the timer runs, `renewal` says by what it is
 * run, `install_renewal` lets systemd or cron run it. It uses the functions of the rest: `certbot`,
 * `python`, `serve`, `remember` and those that talk.
 */
export const RENEWAL_PROGRAM = String.raw`
report() { # RESULT [ERROR]: .diveops/tls.json, also when no container runs that could look
  why=$2
  python report "$1" "$2" > "$STATE/tls.json.new" 2> "$OUT"
  code=$?
  if [ "$code" -ne 0 ]; then
    [ -n "$why" ] || why="the certificates could not be looked at: $(sed -n 's/^docker: //p' "$OUT" | head -n 1 | grep . || tail -n 1 "$OUT")"
    printf '{"renewal":{"at":"%s","result":"failed","error":"%s"}}\n' "$(date -u +%FT%TZ)" \
      "$(printf %s "$why" | tr '"\\\n\t' "'/  ")" > "$STATE/tls.json.new"
  fi
  mv "$STATE/tls.json.new" "$STATE/tls.json"
  return "$code"; }

also() { [ -z "$problem" ] || problem="$problem; "; problem="$problem$1"; }

# certbot names the command of a hook in its log file only.
failed_hook() { # FILE
  awk '/Running [a-z-]+ command: / { ran = $0; sub(/.* command: /, "", ran); ran = ran ": " }
    /reported error code/ { sub(/.*Hook/, "Hook"); said = ran $0 }
    END { if (said) print said }' "$1" 2> /dev/null; }

renew() {
  before=$(python list)
  problem=
  certbot renew --no-random-sleep-on-renew || problem="certbot: $(sed -n 's/^Failed to renew certificate //p' "$OUT" | tr '\n' ' ' | grep . || reason)"
  hook=$(failed_hook "$OUT")
  [ -z "$hook" ] || also "a hook of certbot failed: $(failed_hook "$(log_file)" | grep . || echo "$hook")"
  python list | while read -r name serial _; do
    case "$before" in *"$name $serial "*) continue ;; esac
    remember "$DIRECTORY" "$(names_of "$name")" issued
    say "$name: renewed"
  done
  serve || also "$PROBLEM"
  if [ -n "$problem" ]; then report failed "$problem"; die "$problem"; fi
  report ok || die "$why"
  say 'every certificate is current and served'; }

MARK="# renews the certificates of $APP"
UNIT=diveops-renew-$(printf '%s' "$PROJECT" | tr -c 'a-zA-Z0-9\n' -)
cron_runs() { cat /proc/[0-9]*/comm 2>/dev/null | grep -qxE 'crond?|fcron'; }
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
crontab_lines() { # ours or theirs; another app's folder may begin with the name of this one
  crontab -l 2>/dev/null | mark=$MARK awk -v which="$1" '
    { at = length($0) - length(ENVIRON["mark"]); ours = at >= 0 && substr($0, at + 1) == ENVIRON["mark"] }
    ours == (which == "ours")'; }

renewal() { # systemd, cron or none: what renews
  if [ -d /run/systemd/system ] && systemctl is-enabled --quiet "$UNIT.timer" 2>/dev/null; then echo systemd
  elif cron_runs && [ -n "$(crontab_lines ours)" ]; then echo cron
  else echo none; fi; }

random() { awk -v seed="$(od -An -N4 -tu4 /dev/urandom)" -v below="$1" 'BEGIN { srand(seed); print int(rand() * below) }'; }

install_renewal() {
  report ok || die "$why"
  found=$(renewal)
  if [ "$found" != none ]; then say "$found renews twice a day, as installed before"; return; fi
  if [ -d /run/systemd/system ] && root true 2>/dev/null; then
    at=$(random 12); minute=$(random 60); second=$(random 60)
    root tee "/etc/systemd/system/$UNIT.service" > /dev/null <<UNIT_FILE
[Unit]
Description=Renewal of the certificates of $APP
After=docker.service network-online.target
Wants=network-online.target
[Service]
Type=oneshot
User=$(id -un)
ExecStart="$APP/init-ssl.sh" --renew
UNIT_FILE
    root tee "/etc/systemd/system/$UNIT.timer" > /dev/null <<UNIT_FILE
[Unit]
Description=Renewal of the certificates of $APP, twice a day
[Timer]
OnCalendar=*-*-* $at,$((at + 12)):$minute:$second
Persistent=true
[Install]
WantedBy=timers.target
UNIT_FILE
    root systemctl daemon-reload && root systemctl enable --quiet --now "$UNIT.timer" && { say 'systemd renews twice a day from now on'; return; }
  fi
  if cron_runs && command -v crontab > /dev/null; then
    at=$(random 12)
    { crontab_lines theirs
      printf '%s %s,%s * * * "%s/init-ssl.sh" --renew > "%s/renewal.log" 2>&1 %s\n' "$(random 60)" "$at" "$((at + 12))" "$APP" "$STATE" "$MARK"; } | crontab - &&
      { say 'cron renews twice a day from now on'; return; }
  fi
  die "nothing on this server renews the certificates: neither systemd (as root or by sudo without a password) nor a running cron may be used; install cron, or as root let something run '$APP/init-ssl.sh --renew' twice a day"; }
`.trim()
