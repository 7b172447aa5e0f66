# SPDX-License-Identifier: MIT
# What make install leaves is whole: the installed program finds the installed plugin, from any folder, with nothing of the build.
#   cmake -DBUILD=... -DDIR=... -P install.cmake
file(REMOVE_RECURSE ${DIR})
file(MAKE_DIRECTORY ${DIR}/elsewhere)
function(must)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${DIR}/elsewhere OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE rc)
  if(NOT rc EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ${rc}\n${out}\n${err}")
  endif()
endfunction()

must(${CMAKE_COMMAND} --install ${BUILD} --prefix ${DIR}/prefix)
if(NOT EXISTS ${DIR}/prefix/include/sheaf/plugin.h)
  message(FATAL_ERROR "include/sheaf/plugin.h is not installed")
endif()
set(sheaf ${CMAKE_COMMAND} -E env --unset=SHEAF_PLUGIN_PATH SHEAF_STATE=${DIR}/state ${DIR}/prefix/bin/sheaf)
must(${sheaf} demo market --days 400)
must(${sheaf} run market/wfo.yaml --limit 2)
file(REMOVE_RECURSE ${DIR})
