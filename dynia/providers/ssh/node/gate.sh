# Wait until a service serves here: its containers' health, then a probe through Caddy. Fails early where waiting is in vain.
# stdin: lines "compose service|config label".
project=$1 url=$2 host=$3 release=$4 timeout_s=$5 monitor_s=$6
wanted=$(cat)
began_ms=$(milliseconds)
until_ms=$((began_ms + (timeout_s + monitor_s) * 1000))
# `first` holds how often each container had restarted when it was first seen.
why='' first='' concerned='' lapse='' well_since=''

label() { printf '{{index .Config.Labels "%s"}}' "$1"; }
seen="{{.Id}}|{{.Name}}|$(label com.docker.compose.service)|$(label dev.dynia.config)|{{.State.Status}}|\
{{with index .State \"Health\"}}{{.Status}}{{else}}none{{end}}|{{.State.ExitCode}}|{{.RestartCount}}|\
{{.HostConfig.RestartPolicy.Name}}|{{.State.StartedAt}}"

finish() { # healthy, reason, container
  {
    section gate
    printf '%s\0%s\0%s\0' "$1" "$2" "${3#/}"
    section output
    [ "$1" = 1 ] || logs "$3" | text 8000
    section end
  } 2>/dev/null || :
  exit 0
}

# The last 20 lines of one container, or of each of the project's.
logs() {
  for name in ${1:-$(timeout -k 1 5 docker ps -a --filter "label=com.docker.compose.project=$project" --format '{{.Names}}')}; do
    timeout -k 1 5 docker logs --tail 20 "${name#/}" 2>&1 </dev/null | cut -c 1-500 | tail -n 20 | sed "s/^/${name#/} | /"
  done 2>/dev/null | tail -n 40
}

# Sets why: empty when every container is as it must be. Ends the script where waiting is in vain.
look() {
  why=''
  found='' hangs='Docker does not answer here: systemctl restart docker'
  if ! ids=$(timeout -k 1 5 docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$project" 2>/dev/null); then
    why=$hangs
    return 0
  fi
  [ -z "$ids" ] || found=$(timeout -k 1 5 docker inspect --type container --format "$seen" $ids 2>/dev/null) ||
    case $? in 124 | 137) why=$hangs; return 0 ;; esac
  while IFS='|' read -r service config; do
    [ -n "$service" ] || continue
    mine=$(printf '%s\n' "$found" | awk -F '|' -v s="$service" -v c="$config" '$3 == s && $4 == c')
    if [ -z "$mine" ]; then
      why="no container of $service runs this configuration"
      continue
    fi
    while IFS='|' read -r id name _ _ status health code restarts policy started; do
      known=$(printf '%s' "$first" | awk -v id="$id" '$1 == id { print $2 }')
      [ -n "$known" ] || first="$first$id $restarts$nl" known=$restarts
      [ "$restarts" -le "$known" ] || finish 0 "${name#/} keeps ending (it has been restarted)" "$name"
      case $status in
        running)
          case $health in
            healthy) ;;
            unhealthy) finish 0 "${name#/} is unhealthy" "$name" ;;
            none)
              # Without a check of its own, a container that has just begun may be about to end.
              age=$(($(date +%s%3N) - $(date -d "$started" +%s%3N)))
              # Where the clock was set back since, it is as old as this look at it at least.
              [ "$age" -ge 0 ] || age=$(($(milliseconds) - began_ms))
              [ "$age" -ge 1000 ] || why="${name#/} has only just started" concerned=$name
              ;;
            *) why="${name#/} is $health" concerned=$name ;;
          esac
          ;;
        restarting) finish 0 "${name#/} keeps ending (last exit code $code)" "$name" ;;
        exited | dead)
          [ "$code" = 0 ] || finish 0 "${name#/} exited with $code" "$name"
          case $policy in
            always | unless-stopped) finish 0 "${name#/} has stopped" "$name" ;;
          esac
          ;;
        *) why="${name#/} is $status" concerned=$name ;;
      esac
    done <<ROWS
$mine
ROWS
  done <<WANTED
$wanted
WANTED
}

# Sets why: empty when this release answers through Caddy.
probe() {
  code=$(curl -s -o /dev/null -m 2 -D "$head" -w '%{http_code}' -H "Host: $host" -- "$url") || { why="GET $url: no answer"; return 0; }
  told=$(tr -d '\r' <"$head" | sed -n 's/^[Xx]-[Dd]ynia-[Rr]elease: *//p' | tail -n 1)
  case $code in
    2?? | 3??) [ "$told" = "$release" ] || why="GET $url: answered by release ${told:-unknown}, not $release" ;;
    *) why="GET $url: $code" ;;
  esac
}

head=$(mktemp)
trap 'rm -f "$head"' EXIT
while :; do
  concerned=''
  look
  [ -n "$why" ] || [ -z "$url" ] || probe
  now=$(milliseconds)
  if [ -n "$why" ]; then
    well_since='' lapse=$why
  else
    well_since=${well_since:-$now}
    [ $((now - well_since)) -lt $((monitor_s * 1000)) ] || finish 1 '' ''
  fi
  [ "$monitor_s" = 0 ] && how="healthy within $timeout_s s" || how="well for $monitor_s s on end"
  [ "$now" -lt "$until_ms" ] || finish 0 "not $how ($lapse)" "$concerned"
  sleep 0.3
done
