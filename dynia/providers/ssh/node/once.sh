# Run the check of a request on what is received, and nothing else: it lies in the stage, and is gone with it. What runs
# on this node goes on, and no other file of it is touched.
receive
take_lock
check_lineage
check_fence
staged=$stage/root
perform check "$(left)" || answer check 1
answer done 1
