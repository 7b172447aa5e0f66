# SPDX-License-Identifier: MIT
# What every folder's CMakeLists.txt is made of: sheaf_library, sheaf_test, sheaf_plugin.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
if(SHEAF_TESTS)
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
  # The Python that runs the end-to-end tests: python3 may be one of several, and not the one with their modules.
  foreach(python python3 /usr/bin/python3)
    execute_process(COMMAND ${python} -c "import numpy, pytest" RESULT_VARIABLE lacking ERROR_QUIET)
    if(lacking EQUAL 0 AND NOT SHEAF_PYTHON)
      set(SHEAF_PYTHON ${python} CACHE STRING "Python 3 with numpy and pytest")
    endif()
  endforeach()
  if(NOT SHEAF_PYTHON)
    message(FATAL_ERROR "the tests need a python3 with numpy and pytest: run deploy/setup test, or set SHEAF_PYTHON")
  endif()
endif()
find_path(MSGPACK_INCLUDE msgpack.h REQUIRED)
find_library(MSGPACK_LIBRARY NAMES msgpackc msgpack-c REQUIRED)
add_library(msgpack INTERFACE)
target_include_directories(msgpack SYSTEM INTERFACE ${MSGPACK_INCLUDE})
target_link_libraries(msgpack INTERFACE ${MSGPACK_LIBRARY})

# -ffp-contract=off: the same bits on every machine. NDEBUG stays undefined: no assert of ours depends on it.
add_library(sheaf_flags INTERFACE)
target_compile_options(sheaf_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -ffp-contract=off
                                             -fno-math-errno)
target_compile_definitions(sheaf_flags INTERFACE _POSIX_C_SOURCE=200809L)
target_include_directories(sheaf_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/sdk/include)
if(SHEAF_PORTABLE)
  target_compile_definitions(sheaf_flags INTERFACE SHEAF_PORTABLE=1)
endif()
if(SHEAF_SANITIZE)
  target_compile_options(sheaf_flags INTERFACE -fsanitize=${SHEAF_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(sheaf_flags INTERFACE -fsanitize=${SHEAF_SANITIZE})
endif()

# sheaf_library(NAME source.c ... [LIBS target ...]): a static library of one folder.
function(sheaf_library name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC sheaf_flags ${ARG_LIBS})
endfunction()

# sheaf_test(MODULE [LIBS target ...]): MODULE_test.c beside the code, one cmocka program a module. Without SHEAF_TESTS
# target and test exist, for the properties that a folder gives them, but are neither built nor run.
function(sheaf_test module)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  add_executable(${module}_test ${module}_test.c)
  if(SHEAF_TESTS)
    target_link_libraries(${module}_test PRIVATE sheaf_flags ${ARG_LIBS} PkgConfig::CMOCKA)
  else()
    set_target_properties(${module}_test PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
  set_target_properties(${module}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${module} COMMAND ${module}_test)
endfunction()

# sheaf_plugin(NAME DIR source.c ...): a plugin as a third party would build it: no library of ours, one symbol. Lands in
# DIR below the build folder.
function(sheaf_plugin name dir)
  add_library(plugin_${name} MODULE ${ARGN})
  target_include_directories(plugin_${name} PRIVATE ${CMAKE_SOURCE_DIR}/sdk/include)
  target_compile_options(plugin_${name} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -ffp-contract=off)
  target_compile_definitions(plugin_${name} PRIVATE _POSIX_C_SOURCE=200809L)
  target_link_options(plugin_${name} PRIVATE -Wl,-Bsymbolic -Wl,-z,now -Wl,-z,relro)
  target_link_libraries(plugin_${name} PRIVATE m)
  set_target_properties(plugin_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
                        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${dir})
endfunction()
