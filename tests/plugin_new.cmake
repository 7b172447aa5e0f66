# SPDX-License-Identifier: MIT
# cmake -DSHEAF=sheaf -DDIR=scratch folder -P plugin_new.cmake: what `sheaf plugin new` makes builds with make and with CMake, passes
# its own test, is understood by `inspect` and `try`, and runs.
file(REMOVE_RECURSE ${DIR})
file(MAKE_DIRECTORY ${DIR})

# step(WANTED_EXIT_CODE WORDS_IN_THE_OUTPUT command ...)
function(step code words)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${DIR} RESULT_VARIABLE got OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT got EQUAL code OR NOT "${out}${err}" MATCHES "${words}")
    message(FATAL_ERROR "${ARGN}: exit ${got}, wanted ${code} and '${words}':\n${out}${err}")
  endif()
endfunction()

step(0 "make -C mine test" ${SHEAF} plugin new mine)
step(2 "exists already" ${SHEAF} plugin new mine)
step(2 "is no name" ${SHEAF} plugin new Mine)
step(0 "all well" make -C mine test)
file(REMOVE ${DIR}/mine/mine.so)
step(0 "" ${CMAKE_COMMAND} -S mine -B mine/build)
step(0 "" ${CMAKE_COMMAND} --build mine/build)
step(0 "darts +int +1000" ${SHEAF} plugin inspect mine/mine.so)
step(0 "\"name\":\"mine\"" ${SHEAF} plugin inspect mine/mine.so --json)
step(0 "estimate +3\\.1" ${SHEAF} plugin try mine/mine.so --set darts=200000)
step(2 "did you mean darts" ${SHEAF} plugin try mine/mine.so --set dart=2)
step(2 "from 1 to" ${SHEAF} plugin try mine/mine.so --set darts=0)
step(2 "JSON object" ${SHEAF} plugin inspect mine/mine.so --config 1)
step(0 "\"done\":33" ${SHEAF} run mine/mine.yaml --json --state ${DIR}/state)
file(REMOVE_RECURSE ${DIR})
