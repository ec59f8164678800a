/* Counts the I/O calls of a process on files below one folder and makes the n-th of them go wrong.
   Loaded with LD_PRELOAD; told what to do by arm_faults(). What it does:
     COUNT     nothing, calls are only counted and their kinds written down
     KILL      SIGKILL before the call
     TORN      SIGKILL in the midst of a write: half of it is done first, up to a page
     FAIL      the call fails once with the given error
     SHORT     the call reads or writes only half of what it was asked for, once
     FULL      from that call on every call that needs space fails with ENOSPC
   Kinds: w write, f fsync, t truncate or allocate, u unlink, n rename, o open for writing, m mkdir, r read.  */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF, COUNT, KILL, FAIL, SHORT, FULL, TORN };
enum { PASS, FAILS, HALF };
#define LOG_SIZE (1 << 20)
#define PAGE 4096

static volatile int mode = OFF;
static int fault_error;
static long target;
static atomic_long calls;
static atomic_long hits;
static char folder[PATH_MAX];
static size_t folder_length;
static char kinds[LOG_SIZE];
static int counts_reads;

void arm_faults(const char *below, int what, long at, int error, int reads) {
    mode = OFF;
    snprintf(folder, sizeof folder, "%s", below);
    folder_length = strlen(folder);
    target = at;
    fault_error = error;
    counts_reads = reads;
    atomic_store(&calls, 0);
    atomic_store(&hits, 0);
    memset(kinds, 0, sizeof kinds);
    mode = what;
}
/* A command that cannot call arm_faults is told by its environment: mode:call:error:folder. */
__attribute__((constructor)) static void arm_from_environment(void) {
    const char *told = getenv("FAULT_TRIALS_ARM");
    int what, error, start = 0;
    long at;
    if (told && sscanf(told, "%d:%ld:%d:%n", &what, &at, &error, &start) == 3 && start > 0)
        arm_faults(told + start, what, at, error, 0);
}
void disarm_faults(void) { mode = OFF; }
long fault_calls(void) { return atomic_load(&calls); }
long fault_hits(void) { return atomic_load(&hits); }
const char *fault_kinds(void) { return kinds; }

static int below_folder(int descriptor, const char *path) {
    char link[64], found[PATH_MAX];
    if (path == NULL) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
        ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, found, sizeof found - 1);
        if (length <= 0) return 0;
        found[length] = 0;
        path = found;
    }
    return strncmp(path, folder, folder_length) == 0;
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* What is to become of this call; `length` is that of a write or read. */
static int decide(char kind, int descriptor, const char *path, size_t length) {
    if (mode == OFF || (kind == 'r' && !counts_reads) || !below_folder(descriptor, path)) return PASS;
    long number = atomic_fetch_add(&calls, 1) + 1;
    if (number <= LOG_SIZE) kinds[number - 1] = kind;
    if (mode == COUNT || number < target || (number > target && mode != FULL)) return PASS;
    if (mode == FULL) {
        if (kind != 'w' && kind != 't' && kind != 'o' && kind != 'm') return PASS;
        atomic_fetch_add(&hits, 1);
        errno = ENOSPC;
        return FAILS;
    }
    atomic_fetch_add(&hits, 1);
    if (mode == TORN && kind == 'w' && length > PAGE) return HALF;
    if (mode == KILL || mode == TORN) die();
    if (mode == SHORT && (kind == 'w' || kind == 'r') && length > 1) return HALF;
    errno = fault_error;
    return FAILS;
}

static size_t part(size_t length) {
    size_t half = length / 2;
    return mode == TORN && half > PAGE ? half / PAGE * PAGE : half;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define AFTER_HALF if (mode == TORN) die()

#define WRITE(name, parameters, arguments_half, arguments) \
    ssize_t name parameters { \
        REAL(name); \
        switch (decide('w', descriptor, NULL, length)) { \
        case FAILS: return -1; \
        case HALF: { ssize_t done = real arguments_half; AFTER_HALF; return done; } \
        default: return real arguments; } }
WRITE(write, (int descriptor, const void *data, size_t length), (descriptor, data, part(length)),
      (descriptor, data, length))
WRITE(pwrite, (int descriptor, const void *data, size_t length, off_t at), (descriptor, data, part(length), at),
      (descriptor, data, length, at))
WRITE(pwrite64, (int descriptor, const void *data, size_t length, off64_t at), (descriptor, data, part(length), at),
      (descriptor, data, length, at))

#define VECTOR(name, parameters, arguments) \
    ssize_t name parameters { \
        REAL(name); \
        return decide('w', descriptor, NULL, 0) == FAILS ? -1 : real arguments; }
VECTOR(writev, (int descriptor, const struct iovec *data, int count), (descriptor, data, count))
VECTOR(pwritev, (int descriptor, const struct iovec *data, int count, off_t at), (descriptor, data, count, at))

#define READ(name, parameters, arguments_half, arguments) \
    ssize_t name parameters { \
        REAL(name); \
        switch (decide('r', descriptor, NULL, length)) { \
        case FAILS: return -1; \
        case HALF: return real arguments_half; \
        default: return real arguments; } }
READ(read, (int descriptor, void *data, size_t length), (descriptor, data, part(length)), (descriptor, data, length))
READ(pread, (int descriptor, void *data, size_t length, off_t at), (descriptor, data, part(length), at),
     (descriptor, data, length, at))
READ(pread64, (int descriptor, void *data, size_t length, off64_t at), (descriptor, data, part(length), at),
     (descriptor, data, length, at))

#define CALL(kind, name, parameters, descriptor, path, arguments) \
    int name parameters { \
        REAL(name); \
        return decide(kind, descriptor, path, 0) == FAILS ? -1 : real arguments; }
CALL('f', fsync, (int descriptor), descriptor, NULL, (descriptor))
CALL('f', fdatasync, (int descriptor), descriptor, NULL, (descriptor))
CALL('t', ftruncate, (int descriptor, off_t length), descriptor, NULL, (descriptor, length))
CALL('t', ftruncate64, (int descriptor, off64_t length), descriptor, NULL, (descriptor, length))
CALL('t', fallocate, (int descriptor, int how, off_t at, off_t length), descriptor, NULL, (descriptor, how, at, length))
CALL('u', unlink, (const char *path), -1, path, (path))
CALL('u', remove, (const char *path), -1, path, (path))
CALL('n', rename, (const char *path, const char *to), -1, path, (path, to))
CALL('m', mkdir, (const char *path, mode_t bits), -1, path, (path, bits))

/* Paths are absolute: the project opens everything by whole path. */
CALL('u', unlinkat, (int descriptor, const char *path, int how), -1, path, (descriptor, path, how))
CALL('n', renameat, (int from, const char *path, int onto, const char *to), -1, path, (from, path, onto, to))

#define OPEN(name, fixed, call) \
    int name fixed { \
        REAL(name); \
        mode_t bits = 0; \
        if (how & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, how); bits = va_arg(rest, mode_t); va_end(rest); } \
        char kind = (how & O_ACCMODE) == O_RDONLY ? 'r' : 'o'; \
        return decide(kind, -1, path, 0) == FAILS ? -1 : real call; }
OPEN(open, (const char *path, int how, ...), (path, how, bits))
OPEN(open64, (const char *path, int how, ...), (path, how, bits))
OPEN(openat, (int at, const char *path, int how, ...), (at, path, how, bits))
OPEN(openat64, (int at, const char *path, int how, ...), (at, path, how, bits))
