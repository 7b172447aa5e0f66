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
    if(lacking EQUAL 0 AND NOT SHEAF_TEST_PYTHON)
      set(SHEAF_TEST_PYTHON ${python} CACHE STRING "Python 3 with numpy and pytest")
    endif()
  endforeach()
  if(NOT SHEAF_TEST_PYTHON)
    message(FATAL_ERROR "the tests need a python3 with numpy and pytest: run deploy/setup test, or set SHEAF_TEST_PYTHON")
  endif()
endif()
find_path(MSGPACK_INCLUDE msgpack.h REQUIRED)
# The dynamic loader took a third of the time in which a slot starts, and a one-task sweep starts five processes.
set(MSGPACK_NAMES msgpackc msgpack-c)
if(SHEAF_STATIC)
  foreach(pair SODIUM=sodium SQLITE=sqlite3 YAML=yaml JANSSON=jansson)
    string(REPLACE "=" ";" pair ${pair})
    list(GET pair 0 package)
    list(GET pair 1 name)
    find_library(${package}_ARCHIVE NAMES lib${name}.a)
    if(${package}_ARCHIVE)
      set_target_properties(PkgConfig::${package} PROPERTIES INTERFACE_LINK_LIBRARIES "${${package}_ARCHIVE};m;${CMAKE_DL_LIBS};Threads::Threads")
    endif()
  endforeach()
  list(PREPEND MSGPACK_NAMES libmsgpackc.a)
endif()
find_library(MSGPACK_LIBRARY NAMES ${MSGPACK_NAMES} REQUIRED)
add_library(msgpack INTERFACE)
target_include_directories(msgpack SYSTEM INTERFACE ${MSGPACK_INCLUDE})
target_link_libraries(msgpack INTERFACE ${MSGPACK_LIBRARY})

# Warnings are errors. Left out, because what they say is no bug: cast-qual and write-strings (free() and argv want pointers
# that are not const), null-dereference (does not know that an assertion of cmocka does not return), double-promotion (NAN and
# INFINITY are floats), logical-op (EAGAIN is EWOULDBLOCK, here).
set(SHEAF_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -Wformat=2 -Wimplicit-fallthrough -Wmissing-prototypes
                   -Wnested-externs -Wold-style-definition -Wpointer-arith -Wredundant-decls -Wstrict-prototypes -Wundef -Wvla)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  if(CMAKE_C_COMPILER_VERSION VERSION_GREATER_EQUAL 10)
    list(APPEND SHEAF_WARNINGS -Warith-conversion)
  endif()
  list(APPEND SHEAF_WARNINGS -Walloca -Wcast-align=strict -Wduplicated-branches -Wduplicated-cond
                             -Wformat-signedness -Wjump-misses-init)
else()
  list(APPEND SHEAF_WARNINGS -Wcast-align -Wextra-semi-stmt -Wloop-analysis -Wshift-sign-overflow -Wunreachable-code)
endif()

# -ffp-contract=off: the same bits on every machine. NDEBUG stays undefined: no assert of ours depends on it.
add_library(sheaf_flags INTERFACE)
target_compile_options(sheaf_flags INTERFACE ${SHEAF_WARNINGS} -ffp-contract=off -fno-math-errno)
target_compile_definitions(sheaf_flags INTERFACE _POSIX_C_SOURCE=200809L)
target_include_directories(sheaf_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/sdk/include)
if(SHEAF_PORTABLE)
  target_compile_definitions(sheaf_flags INTERFACE SHEAF_PORTABLE=1)
endif()
# What the compiler can do about a bug that is left, for nothing that can be measured. _FORTIFY_SOURCE is not among it: tests
# stand in for functions of the C library (tests/crash), and its inline forms would go past them.
if(CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT SHEAF_SANITIZE AND NOT SHEAF_FUZZ)
  target_compile_options(sheaf_flags INTERFACE -fstack-protector-strong)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64") # elsewhere not every compiler knows them
    target_compile_options(sheaf_flags INTERFACE -fstack-clash-protection -fcf-protection)
  endif()
  target_link_options(sheaf_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
if(SHEAF_SANITIZE)
  set(checks ${SHEAF_SANITIZE})
  if(SHEAF_SANITIZE MATCHES "undefined") # what that leaves out
    string(APPEND checks ",float-cast-overflow")
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
      string(APPEND checks ",bounds-strict")
    else()
      string(APPEND checks ",local-bounds,implicit-conversion,nullability")
    endif()
  endif()
  target_compile_options(sheaf_flags INTERFACE -fsanitize=${checks} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(sheaf_flags INTERFACE -fsanitize=${checks})
  add_library(sheaf_sanitizers OBJECT ${CMAKE_SOURCE_DIR}/tests/sanitizers.c)
  target_link_libraries(sheaf_sanitizers PRIVATE sheaf_flags)
  set(program "$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>")
  target_sources(sheaf_flags INTERFACE $<${program}:$<TARGET_OBJECTS:sheaf_sanitizers>>)
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
