/*
 * The calls of POSIX as C makes them: `ipc_peer KIND PLACE`. For each number it reads it does the
 * thing so many times, and says how many microseconds that took.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static const char *place;
static sem_t *semaphore;
static mqd_t queue;
static char message[64];

static void must(int done, const char *what) {
  if (done) return;
  perror(what);
  exit(1);
}

/* With open and close: a lock belongs to an open file. */
static void lock_unlock(void) {
  int fd = open(place, O_RDONLY | O_CLOEXEC);
  must(fd >= 0, "open");
  must(flock(fd, LOCK_EX) == 0, "flock");
  must(flock(fd, LOCK_UN) == 0, "flock");
  close(fd);
}

static void acquire_release(void) {
  must(sem_wait(semaphore) == 0, "sem_wait");
  must(sem_post(semaphore) == 0, "sem_post");
}

static void send_receive(void) {
  must(mq_send(queue, message, sizeof message, 0) == 0, "mq_send");
  must(mq_receive(queue, message, sizeof message, NULL) >= 0, "mq_receive");
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  place = argv[2];
  void (*act)(void) = lock_unlock;
  if (strcmp(argv[1], "lock") == 0) {
    int fd = open(place, O_RDONLY | O_CREAT, 0600);
    must(fd >= 0, "open");
    close(fd);
  } else if (strcmp(argv[1], "semaphore") == 0) {
    semaphore = sem_open(place, O_CREAT | O_EXCL, 0600, 1);
    must(semaphore != SEM_FAILED, "sem_open");
    sem_unlink(place);
    act = acquire_release;
  } else {
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = sizeof message};
    queue = mq_open(place, O_CREAT | O_EXCL | O_RDWR, 0600, &attr);
    must(queue != (mqd_t)-1, "mq_open");
    mq_unlink(place);
    act = send_receive;
  }
  char line[32];
  while (fgets(line, sizeof line, stdin)) {
    double begun = now();
    for (long left = atol(line); left > 0; left--) act();
    printf("%.1f\n", now() - begun);
    fflush(stdout);
  }
  return 0;
}
