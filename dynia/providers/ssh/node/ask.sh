# What answers to each question, as a visitor would hear it: several at a time, within $1 seconds. Reads only.
# stdin: five tokens a question, each ended by NUL: number, host, address, port, path.
one='
  number=$1
  case $4 in
    443) set -- --cacert "$opt/tls/cluster.pem" --resolve "$2:443:$3" "https://$2$5" ;;
    *) set -- -H "Host: $2" "http://$3:$4$5" ;;
  esac
  told=$(curl -sS -g -m 3 --noproxy "*" -o /dev/null -D - "$@" 2>&1 </dev/null | tr -d "\000\001\r" |
    grep -i -e "^HTTP/" -e "^x-dynia-release:" -e "^curl: (" | tail -n 3 | cut -c 1-300)
  printf "%s\0%s\0.\0" "$number" "$told"
'
export opt
section answers
# Each answer is one write, short enough for a pipe to take it whole.
{ timeout -k 1 "$1" xargs -0 -r -n 5 -P 16 sh -c "$one" ask || :; } | head -c 4000000
section end
