# SPDX-License-Identifier: MIT
# mutate: copies IN to OUT with FROM replaced by TO. Where FROM is not there, the copy is unchanged and the mutant's test says so.
file(READ ${IN} text)
string(REPLACE "${FROM}" "${TO}" text "${text}")
file(WRITE ${OUT} "${text}")
