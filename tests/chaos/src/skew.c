/* Moves a process' wall clock by a number of milliseconds read from a shared file, so that the clock of a running process
 * can be stepped. The monotonic clock stays as it is, as it does on a machine whose wall clock is stepped. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t zero = 0;
static const volatile int64_t *offset_ms = &zero;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("RELAY_CLOCK_SKEW_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) offset_ms = page;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int result = (int)syscall(SYS_clock_gettime, clock, at);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ms = *offset_ms;
        int64_t nanoseconds = at->tv_nsec + (ms % 1000) * 1000000;
        at->tv_sec += ms / 1000;
        if (nanoseconds >= 1000000000) { nanoseconds -= 1000000000; at->tv_sec += 1; }
        if (nanoseconds < 0) { nanoseconds += 1000000000; at->tv_sec -= 1; }
        at->tv_nsec = nanoseconds;
    }
    return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    if (result == 0) { at->tv_sec = now.tv_sec; at->tv_usec = now.tv_nsec / 1000; }
    return result;
}

time_t time(time_t *at) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return (time_t)-1;
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
