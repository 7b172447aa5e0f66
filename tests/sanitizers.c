/* SPDX-License-Identifier: MIT
 *
 * sanitizers: how the sanitizers behave in our programs, linked into each of them in a build with SHEAF_SANITIZE, so that it
 * holds whoever starts one: ctest, a person, a broker its slots. The run-time libraries ask these functions, whose names are
 * theirs; ASAN_OPTIONS and kin come on top.
 *
 * A plugin's crash must stay the signal that it is, so no sanitizer catches signals (cmocka does in unit tests), and an
 * allocation that cannot be is NULL, as without a sanitizer.
 */
#include "tests/sanitizers.h"

#define OURS "handle_segv=0:handle_abort=0:handle_sigfpe=0:handle_sigbus=0:handle_sigill=0:allocator_may_return_null=1"

const char *__asan_default_options(void)
{
    return OURS ":detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1";
}

const char *__tsan_default_options(void)
{
    return OURS ":second_deadlock_stack=1";
}

const char *__ubsan_default_options(void)
{
    return OURS ":print_stacktrace=1";
}

/* libzmq is not built with ThreadSanitizer, which therefore does not see how its threads synchronise: neither what they do
 * with their memory nor that what our thread takes from a message was written before. Nothing of ours runs in its threads. */
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libzmq.so\n"
           "race:libzmq.so\n";
}
