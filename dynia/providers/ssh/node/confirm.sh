# What was pushed may stay, or is put back at once: the word that a push waits for which may cut people off.
take_lock
check_lineage
check_fence
[ -e "$txn/manifest" ] && [ -e "$txn/armed" ] || answer back 1
if [ "$5" = stay ]; then
  commit
  answer done 1
fi
put_back || answer back 0
answer back 1
