/* SPDX-License-Identifier: MIT
 *
 * empty: a process that does nothing. What starting one costs is the floor under whatever starts processes.
 */
int main(void)
{
    return 0;
}
