/* SPDX-License-Identifier: MIT */
#include "common/sigfd.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

static const int wanted[] = {SIGUSR1, SIGTERM};

static int readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0);
}

static void a_signal_makes_the_descriptor_readable_once(void **state)
{
    (void)state;
    struct diag d = {{0}};
    int fd = sigfd_open(wanted, 2, &d);
    assert_true(fd >= 0);
    assert_int_equal(readable(fd), 0);
    assert_int_equal(sigfd_next(fd), 0);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(readable(fd), 1);
    assert_int_equal(sigfd_next(fd), SIGTERM);
    assert_int_equal(sigfd_next(fd), 0);
    assert_int_equal(readable(fd), 0);
    sigfd_close(fd);
}

static void two_kinds_arrive_both(void **state)
{
    (void)state;
    int fd = sigfd_open(wanted, 2, NULL);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    int seen = sigfd_next(fd) + sigfd_next(fd);
    assert_int_equal(seen, SIGTERM + SIGUSR1);
    sigfd_close(fd);
}

static void it_can_be_closed_and_opened_again_and_is_close_on_exec(void **state)
{
    (void)state;
    sigfd_close(-1);
    for (int i = 0; i < 3; i++) {
        int fd = sigfd_open(wanted, 2, NULL);
        assert_true(fd >= 0);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(raise(SIGUSR1), 0);
        assert_int_equal(sigfd_next(fd), SIGUSR1);
        sigfd_close(fd);
    }
}

static void what_was_not_read_does_not_strike_after_the_close(void **state)
{
    (void)state;
    int fd = sigfd_open(wanted, 2, NULL);
    assert_int_equal(raise(SIGTERM), 0);
    sigfd_close(fd);
    fd = sigfd_open(wanted, 2, NULL);
    assert_int_equal(sigfd_next(fd), 0);
    sigfd_close(fd);
}

static void signals_that_our_parent_had_blocked_arrive(void **state)
{
    (void)state;
    sigset_t blocked;
    assert_int_equal(sigemptyset(&blocked), 0);
    assert_int_equal(sigaddset(&blocked, SIGUSR1), 0);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
    int fd = sigfd_open(wanted, 2, NULL);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(sigfd_next(fd), SIGUSR1);
    sigfd_close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_makes_the_descriptor_readable_once),
        cmocka_unit_test(two_kinds_arrive_both),
        cmocka_unit_test(it_can_be_closed_and_opened_again_and_is_close_on_exec),
        cmocka_unit_test(what_was_not_read_does_not_strike_after_the_close),
        cmocka_unit_test(signals_that_our_parent_had_blocked_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
