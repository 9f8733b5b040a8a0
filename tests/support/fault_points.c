/* Counts what a process does to files below a folder, and ends the process at one of these points.
 *
 * Loaded before every other library (LD_PRELOAD), so that whoever writes is counted: Python, Rust, SQLite. A point is before and
 * after each opening that may write, each fsync, rename, removal and making of a folder, and before, amid and after each write.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char folder[PATH_MAX];
static size_t folder_length;
static atomic_long passed;
static long end_at;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

/* Counts from now on; the process ends at a point, or never if it is 0. */
void fault_points_begin(const char *below, long at) {
    strncpy(folder, below, sizeof folder - 1);
    folder_length = strlen(folder);
    end_at = at;
}

long fault_points_passed(void) { return atomic_load(&passed); }

static void point(void) {
    if (atomic_fetch_add(&passed, 1) + 1 == end_at) kill(getpid(), SIGKILL);
}

/* Whether a path is below the folder: as it is said, or below what a descriptor stands for. */
static int is_ours(int at, const char *path) {
    if (folder_length == 0) return 0;
    if (path[0] == '/' || at == AT_FDCWD) return strncmp(path, folder, folder_length) == 0;
    char link[64], target[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t length = readlink(link, target, sizeof target - 1);
    return length >= (ssize_t)folder_length && strncmp(target, folder, folder_length) == 0;
}

static int is_written(int descriptor) { return is_ours(descriptor, ""); }

#define AROUND(is_counted, call)      \
    do {                              \
        if (!(is_counted)) return call; \
        point();                      \
        __typeof__(call) done = call; \
        point();                      \
        return done;                  \
    } while (0)

#define MODE(last)                                  \
    mode_t mode = 0;                                \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list more;                               \
        va_start(more, last);                       \
        mode = va_arg(more, mode_t);                \
        va_end(more);                               \
    }
#define WRITES(flags) ((flags) & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC))

int open(const char *path, int flags, ...) {
    MODE(flags)
    AROUND(WRITES(flags) && is_ours(AT_FDCWD, path), REAL(open)(path, flags, mode));
}

int open64(const char *path, int flags, ...) {
    MODE(flags)
    AROUND(WRITES(flags) && is_ours(AT_FDCWD, path), REAL(open64)(path, flags, mode));
}

int openat(int at, const char *path, int flags, ...) {
    MODE(flags)
    AROUND(WRITES(flags) && is_ours(at, path), REAL(openat)(at, path, flags, mode));
}

int openat64(int at, const char *path, int flags, ...) {
    MODE(flags)
    AROUND(WRITES(flags) && is_ours(at, path), REAL(openat64)(at, path, flags, mode));
}

/* Half of it, a point, and the caller is told that half is written: it goes on with the rest, as it must. */
ssize_t write(int descriptor, const void *bytes, size_t count) {
    if (!is_written(descriptor)) return REAL(write)(descriptor, bytes, count);
    point();
    ssize_t done = REAL(write)(descriptor, bytes, count > 1 ? count / 2 : count);
    point();
    return done;
}

int fsync(int descriptor) { AROUND(is_written(descriptor), REAL(fsync)(descriptor)); }

int fdatasync(int descriptor) { AROUND(is_written(descriptor), REAL(fdatasync)(descriptor)); }

int ftruncate64(int descriptor, off64_t length) {
    AROUND(is_written(descriptor), REAL(ftruncate64)(descriptor, length));
}

int rename(const char *from, const char *to) { AROUND(is_ours(AT_FDCWD, to), REAL(rename)(from, to)); }

int renameat(int from_at, const char *from, int to_at, const char *to) {
    AROUND(is_ours(to_at, to), REAL(renameat)(from_at, from, to_at, to));
}

int unlink(const char *path) { AROUND(is_ours(AT_FDCWD, path), REAL(unlink)(path)); }

int unlinkat(int at, const char *path, int flags) { AROUND(is_ours(at, path), REAL(unlinkat)(at, path, flags)); }

int rmdir(const char *path) { AROUND(is_ours(AT_FDCWD, path), REAL(rmdir)(path)); }

int mkdir(const char *path, mode_t mode) { AROUND(is_ours(AT_FDCWD, path), REAL(mkdir)(path, mode)); }
