# Get an image onto this node: "pull" by digest, or "load" what is streamed on stdin, only if it is not here yet.
way=$1 name=$2 tag=$3 deadline=$4
section image
# Nothing where it is not here. A Docker that does not answer must not be sent gigabytes.
id() {
  timeout -k 1 20 docker image inspect --format '{{.Id}}' "$1" 2>/dev/null || case $? in
    124 | 137) return 9 ;;
    *) return 1 ;;
  esac
}
hangs='Docker does not answer here: systemctl restart docker'
fail() { # reason
  section failed
  printf '%s' "$1" | tail -c 4000 | text 4000
  section end
  exit 0
}
code=0
pass_fence || code=$?
if [ "$code" = 1 ]; then
  section fenced
  printf '%s\0' "$seen"
  section end
  exit 0
fi
[ "$code" = 0 ] || fail 'the number of the lease could not be kept'
# What was brought here: only that is ever taken away again. Where it cannot be noted the image stays for good.
note() {
  ! grep -qsxF -e "$name" "$var/images" || return 0
  printf '%s\n' "$name" >>"$var/images"
}
here=$(id "$name") || { [ $? != 9 ] || fail "$hangs"; here=''; }
if [ -z "$here" ] && [ "$way" = pull ]; then
  logins=$opt/registry
  if [ -d "$logins" ]; then set -- --config "$logins"; else set --; fi
  said=$(timeout -k 5 "$deadline" docker "$@" pull -q "$name" 2>&1 </dev/null) || fail "$said"
  here=$(id "$name") || fail "$said"
  note 2>/dev/null || :
elif [ -z "$here" ]; then
  section need
  printf '\0'
  said=$(timeout -k 5 "$deadline" docker load -q 2>&1) || fail "$said"
  here=$(id "$name") || here=$(id "$(printf '%s' "$said" | sed -n 's/^Loaded image[^:]*: //p' | tail -n 1)") || fail "$said"
  note 2>/dev/null || :
fi
if [ -n "$tag" ]; then
  said=$(timeout -k 1 20 docker tag "$here" "$tag" 2>&1) || fail "$said"
fi
section have
printf '%s\0' "$here"
section end
