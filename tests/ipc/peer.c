/* The other end of a queue or a semaphore, in C. What it does is its first argument. */
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failed(const char *what) {
  perror(what);
  return 1;
}

static void say(const char *text) {
  puts(text);
  fflush(stdout);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* mq-create NAME MAX SIZE | mq-send NAME PRIORITY TEXT... | mq-receive NAME COUNT | mq-bench NAME N */
static int queue(const char *verb, const char *name, int argc, char **argv) {
  if (strcmp(verb, "mq-create") == 0) {
    struct mq_attr attr = {.mq_maxmsg = atoi(argv[0]), .mq_msgsize = atoi(argv[1])};
    if (mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr) < 0) return failed("mq_open");
    say("made");
    return 0;
  }
  mqd_t q = mq_open(name, O_RDWR);
  struct mq_attr attr;
  if (q < 0 || mq_getattr(q, &attr) < 0) return failed("mq_open");
  char *buffer = malloc(attr.mq_msgsize + 1);
  if (strcmp(verb, "mq-send") == 0) {
    for (int i = 1; i < argc; i++) {
      if (mq_send(q, argv[i], strlen(argv[i]), atoi(argv[0])) < 0) return failed("mq_send");
      say("sent");
    }
  } else if (strcmp(verb, "mq-receive") == 0) {
    say("ready");
    for (int left = atoi(argv[0]); left > 0; left--) {
      unsigned priority;
      ssize_t n = mq_receive(q, buffer, attr.mq_msgsize, &priority);
      if (n < 0) return failed("mq_receive");
      buffer[n] = 0;
      printf("%u %zd %s\n", priority, n, buffer);
      fflush(stdout);
    }
  } else {
    int times = atoi(argv[0]);
    double begun = now();
    for (int i = 0; i < times; i++) {
      if (mq_send(q, buffer, 64, 0) < 0) return failed("mq_send");
      if (mq_receive(q, buffer, attr.mq_msgsize, NULL) < 0) return failed("mq_receive");
    }
    printf("%.3f\n", (now() - begun) / times);
  }
  return 0;
}

/* sem-create NAME VALUE | sem-wait NAME | sem-post NAME | sem-value NAME | sem-bench NAME N */
static int semaphore(const char *verb, const char *name, char **argv) {
  int create = strcmp(verb, "sem-create") == 0;
  sem_t *s = create ? sem_open(name, O_CREAT | O_EXCL, 0600, atoi(argv[0])) : sem_open(name, 0);
  if (s == SEM_FAILED) return failed("sem_open");
  if (create) {
    say("made");
  } else if (strcmp(verb, "sem-wait") == 0) {
    say("waiting");
    if (sem_wait(s) < 0) return failed("sem_wait");
    say("taken");
  } else if (strcmp(verb, "sem-post") == 0) {
    if (sem_post(s) < 0) return failed("sem_post");
    say("given");
  } else if (strcmp(verb, "sem-value") == 0) {
    int value;
    if (sem_getvalue(s, &value) < 0) return failed("sem_getvalue");
    printf("%d\n", value);
  } else {
    int times = atoi(argv[0]);
    double begun = now();
    for (int i = 0; i < times; i++) {
      if (sem_wait(s) < 0 || sem_post(s) < 0) return failed("sem_wait");
    }
    printf("%.3f\n", (now() - begun) / times);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  if (strncmp(argv[1], "mq-", 3) == 0) return queue(argv[1], argv[2], argc - 3, argv + 3);
  return semaphore(argv[1], argv[2], argv + 3);
}
