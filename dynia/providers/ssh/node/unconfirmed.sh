# The word that a push may wait for before it is over, and what brings the node back where nobody says it.

# What was never begun, or is over. The timer's name goes last: whoever is killed here is not forgotten.
discard() {
  if [ -e "$txn/armed" ]; then
    timer=''
    read -r _ _ timer <"$txn/armed" || :
    rm -f "$units/multi-user.target.wants/dynia-back-$key.service" "$units/dynia-back-$key.service"
    [ -z "$timer" ] || timeout -k 1 5 systemctl stop "$timer.timer" >/dev/null 2>&1 </dev/null || :
  fi
  rm -rf "$txn"
}

boot() { read -r id </proc/sys/kernel/random/boot_id; echo "$id"; }

# Until when the word is waited for: the boot, seconds of it, the timer's name.
wait_for_word() {
  printf '%s %s %s\n' "$(boot)" "$(($(seconds) + confirm_s))" "$timer" >"$txn/armed.new" &&
    sync "$txn/armed.new" && mv -fT "$txn/armed.new" "$txn/armed" && sync "$txn"
}

# Seconds that the word is still waited for; none after a reboot.
rest_of_wait() {
  booted='' until=0
  read -r booted until _ <"$txn/armed" || :
  rest=$((until - $(seconds)))
  [ "$booted" = "$(boot)" ] && [ "$rest" -gt 0 ] || rest=0
  echo "$rest"
}

# From now on the node goes back by itself, by a timer and after a reboot by a unit, unless somebody says in time that it
# may stay. A timer of a push before this one finds the new time, and waits on.
arm() {
  timer=dynia-back-$key-$$.$(born $$)
  wait_for_word || return 1
  {
    printf "PATH='%s' HOME=/root LC_ALL=C TZ=UTC DYNIA_OPT='%s' DYNIA_VAR='%s' DYNIA_RUN='%s' DYNIA_UNITS='%s'\n" \
      "$PATH" "$opt" "$var" "$run" "$units"
    printf "export PATH HOME LC_ALL TZ DYNIA_OPT DYNIA_VAR DYNIA_RUN DYNIA_UNITS\nset -- '%s' '%s' '%s' 60\n" \
      "$component" "$lineage" "$key"
    cat "$ask/back"
  } >"$txn/back.new" && mv -fT "$txn/back.new" "$txn/back.sh" || return 1
  make_folder "$units/multi-user.target.wants"
  (umask 022; at_boot >"$units/dynia-back-$key.service") || return 1
  ln -sfT "../dynia-back-$key.service" "$units/multi-user.target.wants/dynia-back-$key.service" || return 1
  sync "$txn/back.sh" "$txn" "$units/dynia-back-$key.service" "$units/multi-user.target.wants" || return 1
  timeout -k 1 10 systemd-run -q --collect --unit="$timer" --on-active="$confirm_s" --timer-property=AccuracySec=1s \
    /bin/sh "$txn/back.sh" </dev/null
}

at_boot() {
  printf '%s\n' '# Written by Dynia, until its change is confirmed.' '[Unit]' \
    "Description=Dynia goes back from a change of $component that nobody confirmed" \
    'After=dynia-firewall.service haproxy.service keepalived.service' \
    "ConditionPathExists=$txn/back.sh" '' '[Service]' 'Type=oneshot' "ExecStart=/bin/sh $txn/back.sh"
}
