/* SPDX-License-Identifier: MIT
 *
 * nogss: what libzmq's archive needs of GSSAPI (Kerberos), of which Debian has no archive. We never switch that mechanism on, so
 * nothing here is ever called; it refuses, and could do nothing else. With it libzmq is part of our program: a process starts
 * without loading fifteen libraries (common/CMakeLists.txt).
 */
#include <gssapi/gssapi.h>
#include <stdint.h>

gss_OID GSS_C_NT_USER_NAME, GSS_C_NT_HOSTBASED_SERVICE;

/* Each under its own name for the linker; what they would be given is nobody's concern. */
#define REFUSE(name)                                                                                                   \
    uint32_t refuse_##name(void) __asm__(#name);                                                                       \
    uint32_t refuse_##name(void)                                                                                       \
    {                                                                                                                  \
        return GSS_S_UNAVAILABLE;                                                                                      \
    }

REFUSE(gss_accept_sec_context)
REFUSE(gss_acquire_cred)
REFUSE(gss_delete_sec_context)
REFUSE(gss_display_name)
REFUSE(gss_import_name)
REFUSE(gss_init_sec_context)
REFUSE(gss_release_buffer)
REFUSE(gss_release_cred)
REFUSE(gss_release_name)
REFUSE(gss_unwrap)
REFUSE(gss_wrap)
