export function sameDay(a: Date, b: Date): boolean {
  return a.getFullYear() === b.getFullYear() && a.getMonth() === b.getMonth() && a.getDate() === b.getDate();
}

/** 0 for Sunday, as the language's region begins its weeks. */
export function firstDayOfWeek(language: string): number {
  const region = navigator.languages.find((tag) => tag.startsWith(`${language}-`)) ?? language;
  const locale = new Intl.Locale(region) as Intl.Locale & { getWeekInfo?: () => { firstDay: number }; weekInfo?: { firstDay: number } };
  const info = locale.getWeekInfo?.() ?? locale.weekInfo;
  return (info?.firstDay ?? 1) % 7;
}

/** The weeks of a month, with holes where other months' days would be. */
export function daysOfMonth(of: Date, firstDay: number): (Date | null)[][] {
  const year = of.getFullYear();
  const month = of.getMonth();
  const count = new Date(year, month + 1, 0).getDate();
  const before = (new Date(year, month, 1).getDay() - firstDay + 7) % 7;
  const cells: (Date | null)[] = Array.from({ length: before }, () => null);
  for (let day = 1; day <= count; day += 1) cells.push(new Date(year, month, day));
  while (cells.length % 7 !== 0) cells.push(null);
  return Array.from({ length: cells.length / 7 }, (_, week) => cells.slice(week * 7, week * 7 + 7));
}
