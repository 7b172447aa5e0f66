# SPDX-License-Identifier: MIT
# zmq_archive: libzmq's archive with what it needs, a target that is there if that links, and is wanted: a sanitizer has to see
# libzmq as the library that it does not instrument.
if(NOT SHEAF_STATIC OR SHEAF_PORTABLE OR SHEAF_SANITIZE)
  return()
endif()

# The compiler knows where archives lie, also those of its own runtime.
set(files)
foreach(name zmq pgm norm protokit bsd md stdc++)
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=lib${name}.a OUTPUT_VARIABLE file
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  list(APPEND files ${file})
endforeach()
list(POP_FRONT files zmq)
set(needs ${files} PkgConfig::SODIUM Threads::Threads -static-libgcc -lgcc_eh m)

if(NOT DEFINED ZMQ_ARCHIVE_LINKS)
  set(probe ${CMAKE_BINARY_DIR}/CMakeFiles/zmqarchive.c)
  file(WRITE ${probe} "#include <zmq.h>\nint main(void) { return zmq_ctx_term(zmq_ctx_new()); }\n")
  try_compile(ZMQ_ARCHIVE_LINKS ${CMAKE_BINARY_DIR}/CMakeFiles/zmqarchive
              SOURCES ${probe} ${CMAKE_CURRENT_LIST_DIR}/nogss.c LINK_LIBRARIES ${zmq} ${needs})
endif()
if(ZMQ_ARCHIVE_LINKS)
  add_library(zmq_archive STATIC IMPORTED)
  set_target_properties(zmq_archive PROPERTIES IMPORTED_LOCATION ${zmq} INTERFACE_LINK_LIBRARIES "${needs}")
endif()
